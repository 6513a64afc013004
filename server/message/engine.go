package message

// Messages of the engine beyond the catalogue of reference.
var (
	EvalResult      = &Message{ID: "EVAL_RESULT", Logger: Eval, Level: Debug + 50}
	EvalDebugMember = &Message{ID: "EVAL_DEBUG_MEMBER", Logger: Eval, Level: Debug + 55}

	DHCP4ClassUnconfigured = &Message{ID: "DHCP4_CLASS_UNCONFIGURED", Logger: Family4, Level: Debug + 40}

	DHCP4PacketDrop0004 = &Message{ID: "DHCP4_PACKET_DROP_0004", Logger: BadPackets, Level: Debug + 15}
	DHCP4PacketDrop0005 = &Message{ID: "DHCP4_PACKET_DROP_0005", Logger: BadPackets, Level: Debug + 15}
	DHCP4PacketDrop0006 = &Message{ID: "DHCP4_PACKET_DROP_0006", Logger: BadPackets, Level: Debug + 15}
	DHCP4PacketDrop0013 = &Message{ID: "DHCP4_PACKET_DROP_0013", Logger: Packets, Level: Debug + 15}
	DHCP4PacketDrop0014 = &Message{ID: "DHCP4_PACKET_DROP_0014", Logger: Packets, Level: Debug + 15}
)

// How a decision came about: reservations looked up, addresses chosen, leases
// written.
var (
	HostsCfgGetOneSubnetIDIdentifierHost = &Message{ID: "HOSTS_CFG_GET_ONE_SUBNET_ID_IDENTIFIER_HOST", Logger: Hosts, Level: Debug + 55}
	HostsCfgGetOneSubnetIDIdentifierNull = &Message{ID: "HOSTS_CFG_GET_ONE_SUBNET_ID_IDENTIFIER_NULL", Logger: Hosts, Level: Debug + 50}
	AllocEngineV4OfferNewLease           = &Message{ID: "ALLOC_ENGINE_V4_OFFER_NEW_LEASE", Logger: AllocEngine, Level: Debug + 50}
	AllocEngineV4OfferExistingLease      = &Message{ID: "ALLOC_ENGINE_V4_OFFER_EXISTING_LEASE", Logger: AllocEngine, Level: Debug + 50}
	AllocEngineV4RequestNewLease         = &Message{ID: "ALLOC_ENGINE_V4_REQUEST_NEW_LEASE", Logger: AllocEngine, Level: Debug + 50}
	AllocEngineV4RequestExtendLease      = &Message{ID: "ALLOC_ENGINE_V4_REQUEST_EXTEND_LEASE", Logger: AllocEngine, Level: Debug + 50}
	DHCPSrvMemfileAddAddr4               = &Message{ID: "DHCPSRV_MEMFILE_ADD_ADDR4", Logger: DHCPSrv, Level: Debug + 50}
	DHCPSrvMemfileAddAddr6               = &Message{ID: "DHCPSRV_MEMFILE_ADD_ADDR6", Logger: DHCPSrv, Level: Debug + 50}
	DHCPSrvMemfileDeleteAddr             = &Message{ID: "DHCPSRV_MEMFILE_DELETE_ADDR", Logger: DHCPSrv, Level: Debug + 50}
)

// The page and the metrics, of our own.
var (
	WebStarted = &Message{ID: "LEASEHOLD_WEB_STARTED", Logger: HTTP, Level: Info}
	WebFail    = &Message{ID: "LEASEHOLD_WEB_FAIL", Logger: HTTP, Level: Error}
	AuditPage  = &Message{ID: "LEASEHOLD_AUDIT_PAGE", Logger: Commands, Level: Info}

	EventsFail       = &Message{ID: "LEASEHOLD_EVENTS_FAIL", Logger: HTTP, Level: Error}
	WebhookFail      = &Message{ID: "LEASEHOLD_WEBHOOK_FAIL", Logger: HTTP, Level: Warn}
	WebhookRecovered = &Message{ID: "LEASEHOLD_WEBHOOK_RECOVERED", Logger: HTTP, Level: Info}
)

// Lease storage, of our own.
var (
	LeaseStoreFail      = &Message{ID: "LEASEHOLD_LEASE_STORE_FAIL", Logger: DHCPSrv, Level: Error}
	LeaseCleanupFail    = &Message{ID: "LEASEHOLD_LEASE_CLEANUP_FAIL", Logger: DHCPSrv, Level: Error}
	LeaseStoreRecovered = &Message{ID: "LEASEHOLD_LEASE_STORE_RECOVERED", Logger: DHCPSrv, Level: Info}
	// A pair's memory of its partner cannot be written.
	PairMemoryFail = &Message{ID: "LEASEHOLD_PAIR_MEMORY_FAIL", Logger: HAHooks, Level: Warn}
	// It can again.
	PairMemoryRecovered = &Message{ID: "LEASEHOLD_PAIR_MEMORY_RECOVERED", Logger: HAHooks, Level: Info}
	// Addresses that both servers of a pair gave away cannot be stored, or read.
	PairReportFail = &Message{ID: "LEASEHOLD_PAIR_REPORT_FAIL", Logger: HAHooks, Level: Warn}
	// The boundary of a pool that a pair divides has moved.
	PoolShareMoved = &Message{ID: "LEASEHOLD_POOL_SHARE_MOVED", Logger: HAHooks, Level: Info}
)

// Routes to delegated prefixes, of our own.
var (
	PDRoutes           = &Message{ID: "LEASEHOLD_PD_ROUTES", Logger: Leases, Level: Info}
	PDRouteInstall     = &Message{ID: "LEASEHOLD_PD_ROUTE_INSTALL", Logger: Leases, Level: Info}
	PDRouteWithdraw    = &Message{ID: "LEASEHOLD_PD_ROUTE_WITHDRAW", Logger: Leases, Level: Info}
	PDRouteUnreachable = &Message{ID: "LEASEHOLD_PD_ROUTE_UNREACHABLE", Logger: Leases, Level: Warn}
	PDRouteFail        = &Message{ID: "LEASEHOLD_PD_ROUTE_FAIL", Logger: Leases, Level: Error}
)

// Messages of the DHCPv6 engine beyond the catalogue of reference.
var (
	DHCP6ClassesAssigned          = &Message{ID: "DHCP6_CLASSES_ASSIGNED", Logger: Family6, Level: Debug + 40}
	DHCP6ClassUnconfigured        = &Message{ID: "DHCP6_CLASS_UNCONFIGURED", Logger: Family6, Level: Debug + 40}
	DHCP6ProcessIANASolicit       = &Message{ID: "DHCP6_PROCESS_IA_NA_SOLICIT", Logger: Leases, Level: Debug + 50}
	DHCP6ProcessIANARequest       = &Message{ID: "DHCP6_PROCESS_IA_NA_REQUEST", Logger: Leases, Level: Debug + 50}
	DHCP6ProcessIANAExtend        = &Message{ID: "DHCP6_PROCESS_IA_NA_EXTEND", Logger: Leases, Level: Debug + 50}
	DHCP6ProcessIAPDSolicit       = &Message{ID: "DHCP6_PROCESS_IA_PD_SOLICIT", Logger: Leases, Level: Debug + 50}
	DHCP6ProcessIAPDRequest       = &Message{ID: "DHCP6_PROCESS_IA_PD_REQUEST", Logger: Leases, Level: Debug + 50}
	DHCP6ProcessIAPDExtend        = &Message{ID: "DHCP6_PROCESS_IA_PD_EXTEND", Logger: Leases, Level: Debug + 50}
	DHCP6ClassAssigned            = &Message{ID: "DHCP6_CLASS_ASSIGNED", Logger: Family6, Level: Debug + 40}
	DHCP6SubnetDynamicallyChanged = &Message{ID: "DHCP6_SUBNET_DYNAMICALLY_CHANGED", Logger: Packets, Level: Debug + 45}
	DHCP6PacketDropDropClass      = &Message{ID: "DHCP6_PACKET_DROP_DROP_CLASS_EARLY", Logger: Packets, Level: Debug + 15}
	DHCP6PacketDropDropClassLate  = &Message{ID: "DHCP6_PACKET_DROP_DROP_CLASS2", Logger: Packets, Level: Debug + 15}
	DHCP6UnknownMsgReceived       = &Message{ID: "DHCP6_UNKNOWN_MSG_RECEIVED", Logger: BadPackets, Level: Debug + 15}
	DHCP6AddOptions               = &Message{ID: "LEASEHOLD_DHCP6_OPTIONS", Logger: Options, Level: Debug + 50}
	DHCP6LeaseData                = &Message{ID: "DHCP6_LEASE_DATA", Logger: Leases, Level: Debug + 55}
	DHCP6ReleasePDFailWrongDUID   = &Message{ID: "DHCP6_RELEASE_PD_FAIL_WRONG_DUID", Logger: Leases, Level: Info}
	DHCP6ReleaseNADeleted         = &Message{ID: "DHCP6_RELEASE_NA_DELETED", Logger: Leases, Level: Info}
	DHCP6ReleaseNAExpired         = &Message{ID: "DHCP6_RELEASE_NA_EXPIRED", Logger: Leases, Level: Info}
	DHCP6ReleasePDDeleted         = &Message{ID: "DHCP6_RELEASE_PD_DELETED", Logger: Leases, Level: Info}
	DHCP6ReleasePDExpired         = &Message{ID: "DHCP6_RELEASE_PD_EXPIRED", Logger: Leases, Level: Info}
	DHCP6DeclineFailDUIDMismatch  = &Message{ID: "DHCP6_DECLINE_FAIL_DUID_MISMATCH", Logger: Leases, Level: Info}
	DHCP6DeclineFailIAIDMismatch  = &Message{ID: "DHCP6_DECLINE_FAIL_IAID_MISMATCH", Logger: Leases, Level: Info}
	DHCP6AddrRegInformFail        = &Message{ID: "DHCP6_ADDR_REG_INFORM_FAIL", Logger: Leases, Level: Info}

	AllocEngineV6AllocFailSharedNetwork = &Message{ID: "ALLOC_ENGINE_V6_ALLOC_FAIL_SHARED_NETWORK", Logger: AllocEngine, Level: Warn}
	AllocEngineV6AllocFailClasses       = &Message{ID: "ALLOC_ENGINE_V6_ALLOC_FAIL_CLASSES", Logger: AllocEngine, Level: Warn}
	AllocEngineV6AllocUnreserved        = &Message{ID: "ALLOC_ENGINE_V6_ALLOC_UNRESERVED", Logger: AllocEngine, Level: Debug + 40}
	AllocEngineV6DeclinedRecovered      = &Message{ID: "ALLOC_ENGINE_V6_DECLINED_RECOVERED", Logger: AllocEngine, Level: Info}
	AllocEngineV6LeaseReclaim           = &Message{ID: "ALLOC_ENGINE_V6_LEASE_RECLAIM", Logger: AllocEngine, Level: Debug + 40}
	AllocEngineV6LeasesReclamationSlow  = &Message{ID: "ALLOC_ENGINE_V6_LEASES_RECLAMATION_SLOW", Logger: AllocEngine, Level: Warn}
)
