package message

import "sync"

// Messages of high availability about queries.
var (
	HABuffer4ReceiveNotForUs = &Message{ID: "HA_BUFFER4_RECEIVE_NOT_FOR_US", Logger: HAHooks, Level: Debug + 40}
	HABuffer6ReceiveNotForUs = &Message{ID: "HA_BUFFER6_RECEIVE_NOT_FOR_US", Logger: HAHooks, Level: Debug + 40}
)

// HTTPResponseReceived: what a peer answered.
var HTTPResponseReceived = &Message{ID: "HTTP_SERVER_RESPONSE_RECEIVED_DETAILS", Logger: HTTP, Level: Debug + 45}

var pairMessages sync.Map // of *Message by ID and level

// ForPair returns the message of an identifier that package ha uses, with the
// level it names: debug, info, warn, error.
func ForPair(id, level string) *Message {
	key := id + " " + level
	if m, ok := pairMessages.Load(key); ok {
		return m.(*Message)
	}
	l := Debug + 40
	switch level {
	case "info":
		l = Info
	case "warn":
		l = Warn
	case "error":
		l = Error
	}
	m, _ := pairMessages.LoadOrStore(key, &Message{ID: id, Logger: HAHooks, Level: l})
	return m.(*Message)
}
