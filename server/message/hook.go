package message

// Messages of the features that hooks-libraries switches on.
var (
	FlexIDExpressionEvaluated    = &Message{ID: "FLEX_ID_EXPRESSION_EVALUATED", Logger: FlexID, Level: Debug + 50}
	FlexIDExpressionEvaluateFail = &Message{ID: "FLEX_ID_EXPRESSION_EVALUATE_FAILED", Logger: FlexID, Level: Error}
	RunScriptFail                = &Message{ID: "LEASEHOLD_RUN_SCRIPT_FAIL", Logger: RunScriptHooks, Level: Error}
	RunScriptLost                = &Message{ID: "LEASEHOLD_RUN_SCRIPT_LOST", Logger: RunScriptHooks, Level: Warn}
	LimitsPacketDropped          = &Message{ID: "LIMITS_PACKET_RATE_LIMIT_DROPPED", Logger: LimitsHooks, Level: Debug + 15}
	LimitsLeaseLimited           = &Message{ID: "LIMITS_LEASE_LIMIT_EXCEEDED", Logger: LimitsHooks, Level: Debug + 40}
	LegalLogFormatFail           = &Message{ID: "LEGAL_LOG_FORMAT_EVALUATE_FAILED", Logger: LegalLogHooks, Level: Error}
	LegalLogStoreOpened          = &Message{ID: "LEGAL_LOG_STORE_OPENED", Logger: LegalLogHooks, Level: Info}
	LegalLogStoreFail            = &Message{ID: "LEGAL_LOG_STORE_OPEN_FAILED", Logger: LegalLogHooks, Level: Error}
	LegalLogLost                 = &Message{ID: "LEASEHOLD_LEGAL_LOG_LOST", Logger: LegalLogHooks, Level: Error}
	FlexOptionProcessError       = &Message{ID: "FLEX_OPTION_PROCESS_ERROR", Logger: Hooks, Level: Error}
	PingCheckDuplicate           = &Message{ID: "PING_CHECK_DUPLICATE_CHECK", Logger: PingCheckHooks, Level: Debug + 40}
	PingCheckSent                = &Message{ID: "PING_CHECK_CHANNEL_ECHO_REQUEST_SENT", Logger: PingCheckHooks, Level: Debug + 50}
	PingCheckTimeout             = &Message{ID: "PING_CHECK_MGR_REPLY_TIMEOUT_EXPIRED", Logger: PingCheckHooks, Level: Debug + 50}
	PingCheckReply               = &Message{ID: "PING_CHECK_MGR_RECEIVED_ECHO_REPLY", Logger: PingCheckHooks, Level: Debug + 40}
	PingCheckUnreachable         = &Message{ID: "PING_CHECK_MGR_RECEIVED_UNREACHABLE_MSG", Logger: PingCheckHooks, Level: Debug + 50}
	PingCheckFree                = &Message{ID: "PING_CHECK_MGR_LEASE_FREE_TO_USE", Logger: PingCheckHooks, Level: Debug + 40}
	PingCheckSendFail            = &Message{ID: "PING_CHECK_CHANNEL_NETWORK_WRITE_ERROR", Logger: PingCheckHooks, Level: Error}
	PingCheckReceiveFail         = &Message{ID: "PING_CHECK_CHANNEL_SOCKET_READ_FAILED", Logger: PingCheckHooks, Level: Error}
	PingCheckChannelDown         = &Message{ID: "PING_CHECK_MGR_CHANNEL_DOWN", Logger: PingCheckHooks, Level: Error}
)
