package message

// Configuration changed by commands, of our own.
var (
	ConfigReturned = &Message{ID: "LEASEHOLD_CONFIG_RETURNED", Logger: Root, Level: Warn}
	LastGoodServed = &Message{ID: "LEASEHOLD_LAST_GOOD_SERVED", Logger: Root, Level: Error}
	LastGoodFail   = &Message{ID: "LEASEHOLD_LAST_GOOD_FAIL", Logger: Root, Level: Warn}
)
