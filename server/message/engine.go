package message

// Messages of the engine beyond the catalogue of reference.
var (
	EvalResult = &Message{ID: "EVAL_RESULT", Logger: Eval, Level: Debug + 50}

	DHCP4PacketDrop0004 = &Message{ID: "DHCP4_PACKET_DROP_0004", Logger: BadPackets, Level: Debug + 15}
	DHCP4PacketDrop0005 = &Message{ID: "DHCP4_PACKET_DROP_0005", Logger: BadPackets, Level: Debug + 15}
	DHCP4PacketDrop0006 = &Message{ID: "DHCP4_PACKET_DROP_0006", Logger: BadPackets, Level: Debug + 15}
	DHCP4PacketDrop0013 = &Message{ID: "DHCP4_PACKET_DROP_0013", Logger: Packets, Level: Debug + 15}
	DHCP4PacketDrop0014 = &Message{ID: "DHCP4_PACKET_DROP_0014", Logger: Packets, Level: Debug + 15}
)

// Lease storage, of our own.
var (
	LeaseStoreFail      = &Message{ID: "LEASEHOLD_LEASE_STORE_FAIL", Logger: DHCPSrv, Level: Error}
	LeaseStoreRecovered = &Message{ID: "LEASEHOLD_LEASE_STORE_RECOVERED", Logger: DHCPSrv, Level: Info}
)
