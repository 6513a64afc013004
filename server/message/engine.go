package message

// Messages of the engine beyond the catalogue of reference.
var (
	EvalResult = &Message{ID: "EVAL_RESULT", Logger: Eval, Level: Debug + 50}

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

// Lease storage, of our own.
var (
	LeaseStoreFail      = &Message{ID: "LEASEHOLD_LEASE_STORE_FAIL", Logger: DHCPSrv, Level: Error}
	LeaseStoreRecovered = &Message{ID: "LEASEHOLD_LEASE_STORE_RECOVERED", Logger: DHCPSrv, Level: Info}
)
