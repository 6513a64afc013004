package message

// Every message, by the part of the server that says it. Levels are those of
// Kea 3.3; identifiers that only Kea 2.2 has keep theirs.

// Life cycle, configuration, control channel.
var (
	DHCP4Starting                      = &Message{ID: "DHCP4_STARTING", Logger: Family4, Level: Info}
	DHCP6Starting                      = &Message{ID: "DHCP6_STARTING", Logger: Family6, Level: Info}
	DHCP4Started                       = &Message{ID: "DHCP4_STARTED", Logger: Family4, Level: Info}
	DHCP6Started                       = &Message{ID: "DHCP6_STARTED", Logger: Family6, Level: Info}
	DHCP4Shutdown                      = &Message{ID: "DHCP4_SHUTDOWN", Logger: Family4, Level: Info}
	DHCP6Shutdown                      = &Message{ID: "DHCP6_SHUTDOWN", Logger: Family6, Level: Info}
	DHCP4ShutdownRequest               = &Message{ID: "DHCP4_SHUTDOWN_REQUEST", Logger: Family4, Level: Debug + 40}
	DHCP6ShutdownRequest               = &Message{ID: "DHCP6_SHUTDOWN_REQUEST", Logger: Family6, Level: Debug + 40}
	DHCP4ConfigComplete                = &Message{ID: "DHCP4_CONFIG_COMPLETE", Logger: Family4, Level: Info}
	DHCP6ConfigComplete                = &Message{ID: "DHCP6_CONFIG_COMPLETE", Logger: Family6, Level: Info}
	DHCP4ConfigLoadFail                = &Message{ID: "DHCP4_CONFIG_LOAD_FAIL", Logger: Family4, Level: Error}
	DHCP6ConfigLoadFail                = &Message{ID: "DHCP6_CONFIG_LOAD_FAIL", Logger: Family6, Level: Error}
	DHCP4InitFail                      = &Message{ID: "DHCP4_INIT_FAIL", Logger: Family4, Level: Error}
	DHCP6InitFail                      = &Message{ID: "DHCP6_INIT_FAIL", Logger: Family6, Level: Error}
	DHCP4ParserFail                    = &Message{ID: "DHCP4_PARSER_FAIL", Logger: Family4, Level: Error}
	DHCP6ParserFail                    = &Message{ID: "DHCP6_PARSER_FAIL", Logger: Family6, Level: Error}
	DHCP4ConfigSyntaxWarning           = &Message{ID: "DHCP4_CONFIG_SYNTAX_WARNING", Logger: Family4, Level: Warn}
	DHCP6ConfigSyntaxWarning           = &Message{ID: "DHCP6_CONFIG_SYNTAX_WARNING", Logger: Family6, Level: Warn}
	DHCP4DynamicReconfiguration        = &Message{ID: "DHCP4_DYNAMIC_RECONFIGURATION", Logger: Family4, Level: Info}
	DHCP4DynamicReconfigurationSuccess = &Message{ID: "DHCP4_DYNAMIC_RECONFIGURATION_SUCCESS", Logger: Family4, Level: Info}
	DHCP4DynamicReconfigurationFail    = &Message{ID: "DHCP4_DYNAMIC_RECONFIGURATION_FAIL", Logger: Family4, Level: Error}
	DHCP6DynamicReconfiguration        = &Message{ID: "DHCP6_DYNAMIC_RECONFIGURATION", Logger: Family6, Level: Info}
	DHCP6DynamicReconfigurationSuccess = &Message{ID: "DHCP6_DYNAMIC_RECONFIGURATION_SUCCESS", Logger: Family6, Level: Info}
	DHCP6DynamicReconfigurationFail    = &Message{ID: "DHCP6_DYNAMIC_RECONFIGURATION_FAIL", Logger: Family6, Level: Error}
	DHCP4AlreadyRunning                = &Message{ID: "DHCP4_ALREADY_RUNNING", Logger: Family4, Level: Fatal}
	DHCP6AlreadyRunning                = &Message{ID: "DHCP6_ALREADY_RUNNING", Logger: Family6, Level: Fatal}
	DHCP4ConfigUnrecoverableError      = &Message{ID: "DHCP4_CONFIG_UNRECOVERABLE_ERROR", Logger: Family4, Level: Fatal}
	DHCP4MultiThreadingInfo            = &Message{ID: "DHCP4_MULTI_THREADING_INFO", Logger: Family4, Level: Info}
	DHCP6MultiThreadingInfo            = &Message{ID: "DHCP6_MULTI_THREADING_INFO", Logger: Family6, Level: Info}
	DHCP6UsingServerID                 = &Message{ID: "DHCP6_USING_SERVERID", Logger: Family6, Level: Info}
	DHCPSrvCfgMgrAddIface              = &Message{ID: "DHCPSRV_CFGMGR_ADD_IFACE", Logger: DHCPSrv, Level: Info}
	DHCPSrvCfgMgrUseAddress            = &Message{ID: "DHCPSRV_CFGMGR_USE_ADDRESS", Logger: DHCPSrv, Level: Info}
	DHCPSrvCfgMgrSocketTypeDefault     = &Message{ID: "DHCPSRV_CFGMGR_SOCKET_TYPE_DEFAULT", Logger: DHCPSrv, Level: Info}
	DHCPSrvCfgMgrSocketTypeSelect      = &Message{ID: "DHCPSRV_CFGMGR_SOCKET_TYPE_SELECT", Logger: DHCPSrv, Level: Info}
	DHCPSrvCfgMgrNewSubnet4            = &Message{ID: "DHCPSRV_CFGMGR_NEW_SUBNET4", Logger: DHCPSrv, Level: Info}
	DHCPSrvCfgMgrNewSubnet6            = &Message{ID: "DHCPSRV_CFGMGR_NEW_SUBNET6", Logger: DHCPSrv, Level: Info}
	DHCPSrvNoSocketsOpen               = &Message{ID: "DHCPSRV_NO_SOCKETS_OPEN", Logger: DHCPSrv, Level: Warn}
	DHCPSrvOpenSocketFail              = &Message{ID: "DHCPSRV_OPEN_SOCKET_FAIL", Logger: DHCPSrv, Level: Warn}
	DHCPSrvMultipleRawSocketsPerIface  = &Message{ID: "DHCPSRV_MULTIPLE_RAW_SOCKETS_PER_IFACE", Logger: DHCPSrv, Level: Warn}
	CommandAcceptorStart               = &Message{ID: "COMMAND_ACCEPTOR_START", Logger: Commands, Level: Info}
	CommandReceived                    = &Message{ID: "COMMAND_RECEIVED", Logger: Commands, Level: Info}
	CommandSocketConnectionTimeout     = &Message{ID: "COMMAND_SOCKET_CONNECTION_TIMEOUT", Logger: Commands, Level: Info}
	HTTPCommandMgrServiceStarted       = &Message{ID: "HTTP_COMMAND_MGR_SERVICE_STARTED", Logger: Commands, Level: Info}
	HooksLibraryLoaded                 = &Message{ID: "HOOKS_LIBRARY_LOADED", Logger: Hooks, Level: Info}
	HooksLibraryClosed                 = &Message{ID: "HOOKS_LIBRARY_CLOSED", Logger: Hooks, Level: Info}
	CommandProcessError1               = &Message{ID: "COMMAND_PROCESS_ERROR1", Logger: Commands, Level: Warn}
	CommandProcessError2               = &Message{ID: "COMMAND_PROCESS_ERROR2", Logger: Commands, Level: Warn}
	CommandSocketClosedByForeignHost   = &Message{ID: "COMMAND_SOCKET_CLOSED_BY_FOREIGN_HOST", Logger: Commands, Level: Info}
	CommandSocketReadFail              = &Message{ID: "COMMAND_SOCKET_READ_FAIL", Logger: Commands, Level: Error}
	CommandSocketWriteFail             = &Message{ID: "COMMAND_SOCKET_WRITE_FAIL", Logger: Commands, Level: Error}
	DHCP4OpenSocketsFailed             = &Message{ID: "DHCP4_OPEN_SOCKETS_FAILED", Logger: Family4, Level: Info}
	DHCP6OpenSocketsFailed             = &Message{ID: "DHCP6_OPEN_SOCKETS_FAILED", Logger: Family6, Level: Info}
)

// Lease storage.
var (
	DHCPSrvMemfileDB                = &Message{ID: "DHCPSRV_MEMFILE_DB", Logger: DHCPSrv, Level: Info}
	DHCPSrvMemfileFailedToOpen      = &Message{ID: "DHCPSRV_MEMFILE_FAILED_TO_OPEN", Logger: DHCPSrv, Level: Error}
	DHCPSrvMemfileLeaseFileLoad     = &Message{ID: "DHCPSRV_MEMFILE_LEASE_FILE_LOAD", Logger: DHCPSrv, Level: Info}
	DHCPSrvMemfileLeaseLoadRowError = &Message{ID: "DHCPSRV_MEMFILE_LEASE_LOAD_ROW_ERROR", Logger: DHCPSrv, Level: Error}
	DHCPSrvMemfileNeedsDowngrading  = &Message{ID: "DHCPSRV_MEMFILE_NEEDS_DOWNGRADING", Logger: DHCPSrv, Level: Warn}
	DHCPSrvMemfileNeedsUpgrading    = &Message{ID: "DHCPSRV_MEMFILE_NEEDS_UPGRADING", Logger: DHCPSrv, Level: Warn}
	DHCPSrvMemfileNoStorage         = &Message{ID: "DHCPSRV_MEMFILE_NO_STORAGE", Logger: DHCPSrv, Level: Warn}
	DHCPSrvMemfileLFCSetup          = &Message{ID: "DHCPSRV_MEMFILE_LFC_SETUP", Logger: DHCPSrv, Level: Info}
	DHCPSrvMemfileLFCStart          = &Message{ID: "DHCPSRV_MEMFILE_LFC_START", Logger: DHCPSrv, Level: Info}
	DHCPSrvMemfileLFCExecute        = &Message{ID: "DHCPSRV_MEMFILE_LFC_EXECUTE", Logger: DHCPSrv, Level: Info}
	DHCPSrvLeaseSanityFail          = &Message{ID: "DHCPSRV_LEASE_SANITY_FAIL", Logger: DHCPSrv, Level: Warn}
	DHCPSrvLeaseSanityFailDiscard   = &Message{ID: "DHCPSRV_LEASE_SANITY_FAIL_DISCARD", Logger: DHCPSrv, Level: Warn}
	DHCPSrvLeaseSanityFixed         = &Message{ID: "DHCPSRV_LEASE_SANITY_FIXED", Logger: DHCPSrv, Level: Warn}
)

// DHCPv4 packets and leases.
var (
	DHCP4QueryLabel               = &Message{ID: "DHCP4_QUERY_LABEL", Logger: Family4, Level: Info}
	DHCP4BufferReceived           = &Message{ID: "DHCP4_BUFFER_RECEIVED", Logger: Packets, Level: Debug + 50}
	DHCP4PacketReceived           = &Message{ID: "DHCP4_PACKET_RECEIVED", Logger: Packets, Level: Debug + 40}
	DHCP4QueryData                = &Message{ID: "DHCP4_QUERY_DATA", Logger: Packets, Level: Debug + 55}
	DHCP4SubnetSelected           = &Message{ID: "DHCP4_SUBNET_SELECTED", Logger: Packets, Level: Debug + 45}
	DHCP4SubnetSelectionFailed    = &Message{ID: "DHCP4_SUBNET_SELECTION_FAILED", Logger: Packets, Level: Debug + 50}
	DHCP4SubnetDynamicallyChanged = &Message{ID: "DHCP4_SUBNET_DYNAMICALLY_CHANGED", Logger: Packets, Level: Debug + 45}
	DHCP4ClassAssigned            = &Message{ID: "DHCP4_CLASS_ASSIGNED", Logger: Family4, Level: Debug + 40}
	DHCP4ClassesAssigned          = &Message{ID: "DHCP4_CLASSES_ASSIGNED", Logger: Family4, Level: Debug + 40}
	DHCP4Discover                 = &Message{ID: "DHCP4_DISCOVER", Logger: Leases, Level: Debug + 45}
	DHCP4Request                  = &Message{ID: "DHCP4_REQUEST", Logger: Leases, Level: Debug + 45}
	DHCP4InitReboot               = &Message{ID: "DHCP4_INIT_REBOOT", Logger: Leases, Level: Info}
	DHCP4LeaseOffer               = &Message{ID: "DHCP4_LEASE_OFFER", Logger: Leases, Level: Info}
	DHCP4LeaseAdvert              = &Message{ID: "DHCP4_LEASE_ADVERT", Logger: Leases, Level: Info}
	DHCP4LeaseAlloc               = &Message{ID: "DHCP4_LEASE_ALLOC", Logger: Leases, Level: Info}
	DHCP4LeaseReuse               = &Message{ID: "DHCP4_LEASE_REUSE", Logger: Leases, Level: Info}
	DHCP4PacketNAK0001            = &Message{ID: "DHCP4_PACKET_NAK_0001", Logger: BadPackets, Level: Error}
	DHCP4PacketNAK0002            = &Message{ID: "DHCP4_PACKET_NAK_0002", Logger: BadPackets, Level: Debug + 50}
	DHCP4PacketNAK0003            = &Message{ID: "DHCP4_PACKET_NAK_0003", Logger: BadPackets, Level: Debug + 50}
	DHCP4PacketNAK0004            = &Message{ID: "DHCP4_PACKET_NAK_0004", Logger: BadPackets, Level: Debug + 50}
	DHCP4NoLeaseInitReboot        = &Message{ID: "DHCP4_NO_LEASE_INIT_REBOOT", Logger: BadPackets, Level: Debug + 50}
	DHCP4UnknownAddressRequested  = &Message{ID: "DHCP4_UNKNOWN_ADDRESS_REQUESTED", Logger: BadPackets, Level: Debug + 50}
	DHCP4PacketDrop0001           = &Message{ID: "DHCP4_PACKET_DROP_0001", Logger: BadPackets, Level: Debug + 15}
	DHCP4PacketDrop0002           = &Message{ID: "DHCP4_PACKET_DROP_0002", Logger: BadPackets, Level: Debug + 15}
	DHCP4PacketDrop0003           = &Message{ID: "DHCP4_PACKET_DROP_0003", Logger: BadPackets, Level: Debug + 15}
	DHCP4PacketDrop0007           = &Message{ID: "DHCP4_PACKET_DROP_0007", Logger: BadPackets, Level: Debug + 15}
	DHCP4PacketDrop0008           = &Message{ID: "DHCP4_PACKET_DROP_0008", Logger: BadPackets, Level: Debug + 15}
	DHCP4PacketDrop0009           = &Message{ID: "DHCP4_PACKET_DROP_0009", Logger: BadPackets, Level: Debug + 15}
	DHCP4PacketDrop0010           = &Message{ID: "DHCP4_PACKET_DROP_0010", Logger: Packets, Level: Debug + 15}
	DHCP4Release                  = &Message{ID: "DHCP4_RELEASE", Logger: Leases, Level: Info}
	DHCP4ReleaseExpired           = &Message{ID: "DHCP4_RELEASE_EXPIRED", Logger: Leases, Level: Info}
	DHCP4ReleaseDeleted           = &Message{ID: "DHCP4_RELEASE_DELETED", Logger: Leases, Level: Info}
	DHCP4ReleaseFailNoLease       = &Message{ID: "DHCP4_RELEASE_FAIL_NO_LEASE", Logger: Leases, Level: Debug + 50}
	DHCP4ReleaseFailWrongClient   = &Message{ID: "DHCP4_RELEASE_FAIL_WRONG_CLIENT", Logger: Leases, Level: Debug + 50}
	DHCP4ServerInitiatedDecline   = &Message{ID: "DHCP4_SERVER_INITIATED_DECLINE", Logger: Leases, Level: Info}
	DHCP4DeclineLease             = &Message{ID: "DHCP4_DECLINE_LEASE", Logger: Leases, Level: Info}
	DHCP4DeclineLeaseNotFound     = &Message{ID: "DHCP4_DECLINE_LEASE_NOT_FOUND", Logger: Family4, Level: Warn}
	DHCP4DeclineLeaseMismatch     = &Message{ID: "DHCP4_DECLINE_LEASE_MISMATCH", Logger: Family4, Level: Warn}
	DHCP4PacketSend               = &Message{ID: "DHCP4_PACKET_SEND", Logger: Packets, Level: Debug + 40}
	DHCP4PacketSendFail           = &Message{ID: "DHCP4_PACKET_SEND_FAIL", Logger: Packets, Level: Error}
	DHCP4ResponseData             = &Message{ID: "DHCP4_RESPONSE_DATA", Logger: Packets, Level: Debug + 55}
	DHCP4NCRCreationFailed        = &Message{ID: "DHCP4_NCR_CREATION_FAILED", Logger: DDNS, Level: Error}
)

// DHCPv6 packets and leases.
var (
	DHCP6QueryLabel                 = &Message{ID: "DHCP6_QUERY_LABEL", Logger: Family6, Level: Info}
	DHCP6PacketReceived             = &Message{ID: "DHCP6_PACKET_RECEIVED", Logger: Packets, Level: Info}
	DHCP6SubnetSelected             = &Message{ID: "DHCP6_SUBNET_SELECTED", Logger: Packets, Level: Debug + 45}
	DHCP6SubnetSelectionFailed      = &Message{ID: "DHCP6_SUBNET_SELECTION_FAILED", Logger: Packets, Level: Debug + 50}
	DHCP6LeaseAdvert                = &Message{ID: "DHCP6_LEASE_ADVERT", Logger: Leases, Level: Info}
	DHCP6LeaseAlloc                 = &Message{ID: "DHCP6_LEASE_ALLOC", Logger: Leases, Level: Info}
	DHCP6LeaseRenew                 = &Message{ID: "DHCP6_LEASE_RENEW", Logger: Leases, Level: Info}
	DHCP6LeaseReuse                 = &Message{ID: "DHCP6_LEASE_REUSE", Logger: Leases, Level: Info}
	DHCP6PDLeaseAdvert              = &Message{ID: "DHCP6_PD_LEASE_ADVERT", Logger: Leases, Level: Info}
	DHCP6PDLeaseAlloc               = &Message{ID: "DHCP6_PD_LEASE_ALLOC", Logger: Leases, Level: Info}
	DHCP6PDLeaseRenew               = &Message{ID: "DHCP6_PD_LEASE_RENEW", Logger: Leases, Level: Info}
	DHCP6RapidCommit                = &Message{ID: "DHCP6_RAPID_COMMIT", Logger: Options, Level: Debug + 50}
	DHCP6ReleaseNA                  = &Message{ID: "DHCP6_RELEASE_NA", Logger: Leases, Level: Info}
	DHCP6ReleasePD                  = &Message{ID: "DHCP6_RELEASE_PD", Logger: Leases, Level: Info}
	DHCP6ReleaseNAFailWrongDUID     = &Message{ID: "DHCP6_RELEASE_NA_FAIL_WRONG_DUID", Logger: Leases, Level: Info}
	DHCP6DeclineLease               = &Message{ID: "DHCP6_DECLINE_LEASE", Logger: Leases, Level: Info}
	DHCP6DeclineFailNoLease         = &Message{ID: "DHCP6_DECLINE_FAIL_NO_LEASE", Logger: Leases, Level: Info}
	DHCP6PacketDropParseFail        = &Message{ID: "DHCP6_PACKET_DROP_PARSE_FAIL", Logger: BadPackets, Level: Debug + 15}
	DHCP6PacketDropServerIDMismatch = &Message{ID: "DHCP6_PACKET_DROP_SERVERID_MISMATCH", Logger: BadPackets, Level: Debug + 15}
	DHCP6PacketDropUnicast          = &Message{ID: "DHCP6_PACKET_DROP_UNICAST", Logger: BadPackets, Level: Debug + 15}
	DHCP6PacketDropDHCPDisabled     = &Message{ID: "DHCP6_PACKET_DROP_DHCP_DISABLED", Logger: BadPackets, Level: Debug + 15}
	DHCP6RequiredOptionsCheckFail   = &Message{ID: "DHCP6_REQUIRED_OPTIONS_CHECK_FAIL", Logger: BadPackets, Level: Debug + 15}
	DHCP6PacketSend                 = &Message{ID: "DHCP6_PACKET_SEND", Logger: Packets, Level: Debug + 40}
	DHCP6PacketSendFail             = &Message{ID: "DHCP6_PACKET_SEND_FAIL", Logger: Packets, Level: Error}
)

// Allocation, expiration, DNS updates.
var (
	AllocEngineV4AllocFail               = &Message{ID: "ALLOC_ENGINE_V4_ALLOC_FAIL", Logger: AllocEngine, Level: Warn}
	AllocEngineV4AllocFailSubnet         = &Message{ID: "ALLOC_ENGINE_V4_ALLOC_FAIL_SUBNET", Logger: AllocEngine, Level: Warn}
	AllocEngineV4AllocFailSharedNetwork  = &Message{ID: "ALLOC_ENGINE_V4_ALLOC_FAIL_SHARED_NETWORK", Logger: AllocEngine, Level: Warn}
	AllocEngineV4AllocFailNoPools        = &Message{ID: "ALLOC_ENGINE_V4_ALLOC_FAIL_NO_POOLS", Logger: AllocEngine, Level: Warn}
	AllocEngineV4AllocFailClasses        = &Message{ID: "ALLOC_ENGINE_V4_ALLOC_FAIL_CLASSES", Logger: AllocEngine, Level: Warn}
	AllocEngineV6AllocFail               = &Message{ID: "ALLOC_ENGINE_V6_ALLOC_FAIL", Logger: AllocEngine, Level: Warn}
	AllocEngineV6AllocFailNoPools        = &Message{ID: "ALLOC_ENGINE_V6_ALLOC_FAIL_NO_POOLS", Logger: AllocEngine, Level: Warn}
	AllocEngineV6AllocFailSubnet         = &Message{ID: "ALLOC_ENGINE_V6_ALLOC_FAIL_SUBNET", Logger: AllocEngine, Level: Warn}
	AllocEngineV4DiscoverAddressConflict = &Message{ID: "ALLOC_ENGINE_V4_DISCOVER_ADDRESS_CONFLICT", Logger: AllocEngine, Level: Warn}
	AllocEngineV4DeclinedRecovered       = &Message{ID: "ALLOC_ENGINE_V4_DECLINED_RECOVERED", Logger: AllocEngine, Level: Info}
	AllocEngineV4LeasesReclamationSlow   = &Message{ID: "ALLOC_ENGINE_V4_LEASES_RECLAMATION_SLOW", Logger: AllocEngine, Level: Warn}
	AllocEngineV4LeaseReclaim            = &Message{ID: "ALLOC_ENGINE_V4_LEASE_RECLAIM", Logger: AllocEngine, Level: Debug + 40}
	DHCPSrvDHCPDDNSNCRSent               = &Message{ID: "DHCPSRV_DHCP_DDNS_NCR_SENT", Logger: DHCPSrv, Level: Debug + 55}
	DHCPSrvDHCPDDNSSuspendUpdates        = &Message{ID: "DHCPSRV_DHCP_DDNS_SUSPEND_UPDATES", Logger: DHCPSrv, Level: Warn}
	DHCPSrvQueueNCR                      = &Message{ID: "DHCPSRV_QUEUE_NCR", Logger: DHCPSrv, Level: Debug + 55}
)

// High availability.
var (
	HAInitOK                          = &Message{ID: "HA_INIT_OK", Logger: HAHooks, Level: Info}
	HAServiceStarted                  = &Message{ID: "HA_SERVICE_STARTED", Logger: HAHooks, Level: Info}
	HAStateTransition                 = &Message{ID: "HA_STATE_TRANSITION", Logger: HAHooks, Level: Info}
	HALocalDHCPDisable                = &Message{ID: "HA_LOCAL_DHCP_DISABLE", Logger: HAHooks, Level: Info}
	HALocalDHCPEnable                 = &Message{ID: "HA_LOCAL_DHCP_ENABLE", Logger: HAHooks, Level: Info}
	HACommunicationInterrupted        = &Message{ID: "HA_COMMUNICATION_INTERRUPTED", Logger: HAHooks, Level: Warn}
	HAHeartbeatCommunicationsFailed   = &Message{ID: "HA_HEARTBEAT_COMMUNICATIONS_FAILED", Logger: HAHooks, Level: Warn}
	HALeaseUpdateCommunicationsFailed = &Message{ID: "HA_LEASE_UPDATE_COMMUNICATIONS_FAILED", Logger: HAHooks, Level: Warn}
	HASyncSuccessful                  = &Message{ID: "HA_SYNC_SUCCESSFUL", Logger: HAHooks, Level: Info}
	HALeasesSyncLeasePageReceived     = &Message{ID: "HA_LEASES_SYNC_LEASE_PAGE_RECEIVED", Logger: HAHooks, Level: Info}
)

// Features that Kea keeps in hook libraries.
var (
	LeaseCmdsInitOK  = &Message{ID: "LEASE_CMDS_INIT_OK", Logger: LeaseCmdsHooks, Level: Info}
	StatCmdsInitOK   = &Message{ID: "STAT_CMDS_INIT_OK", Logger: StatCmdsHooks, Level: Info}
	SubnetCmdsInitOK = &Message{ID: "SUBNET_CMDS_INIT_OK", Logger: SubnetCmdsHooks, Level: Info}
)

// Messages of our own.
var (
	AuditCommand   = &Message{ID: "LEASEHOLD_AUDIT", Logger: Commands, Level: Info}
	AccessRefused  = &Message{ID: "LEASEHOLD_ACCESS_REFUSED", Logger: Commands, Level: Warn}
	LogLinesLost   = &Message{ID: "LEASEHOLD_LOG_LINES_LOST", Logger: Root, Level: Warn}
	Overload       = &Message{ID: "LEASEHOLD_OVERLOAD", Logger: Root, Level: Warn}
	CertReloaded   = &Message{ID: "LEASEHOLD_CERTIFICATE_RELOADED", Logger: Commands, Level: Info}
	CertReloadFail = &Message{ID: "LEASEHOLD_CERTIFICATE_RELOAD_FAIL", Logger: Commands, Level: Error}
	ConfigWarning  = &Message{ID: "LEASEHOLD_CONFIG_WARNING", Logger: Root, Level: Warn}
)
