package engine

// Global statistics of DHCPv6. The order is that of names6.
const (
	Pkt6Received Stat = iota + 1
	Pkt6SolicitReceived
	Pkt6AdvertiseReceived
	Pkt6RequestReceived
	Pkt6ReplyReceived
	Pkt6RenewReceived
	Pkt6RebindReceived
	Pkt6ReleaseReceived
	Pkt6DeclineReceived
	Pkt6InfRequestReceived
	Pkt6DHCPv4QueryReceived
	Pkt6DHCPv4ResponseReceived
	Pkt6AddrRegInformReceived
	Pkt6AddrRegReplyReceived
	Pkt6UnknownReceived
	Pkt6Sent
	Pkt6AdvertiseSent
	Pkt6ReplySent
	Pkt6DHCPv4ResponseSent
	Pkt6AddrRegReplySent
	Pkt6ParseFailed
	Pkt6ReceiveDrop
	Pkt6ServiceDisabled
	Pkt6QueueFull
	Pkt6Duplicate
	Pkt6RFCViolation
	Pkt6AdminFiltered
	Pkt6NotForUs
	Pkt6ProcessingFailed
	Pkt6LimitExceeded
	AssignedNAs
	CumulativeAssignedNAs
	AssignedPDs
	CumulativeAssignedPDs
	DeclinedAddresses6
	ReclaimedDeclined6
	ReclaimedLeases6
	AllocFail6
	AllocFailSharedNetwork6
	AllocFailSubnet6
	AllocFailNoPools6
	AllocFailClasses6
	LeaseReusesNA
	LeaseReusesPD
	CumulativeRegisteredNAs
	stats6End
)

// names6 are the names of the statistics of DHCPv6.
var names6 = [stats6End]string{
	Pkt6Received:               "pkt6-received",
	Pkt6SolicitReceived:        "pkt6-solicit-received",
	Pkt6AdvertiseReceived:      "pkt6-advertise-received",
	Pkt6RequestReceived:        "pkt6-request-received",
	Pkt6ReplyReceived:          "pkt6-reply-received",
	Pkt6RenewReceived:          "pkt6-renew-received",
	Pkt6RebindReceived:         "pkt6-rebind-received",
	Pkt6ReleaseReceived:        "pkt6-release-received",
	Pkt6DeclineReceived:        "pkt6-decline-received",
	Pkt6InfRequestReceived:     "pkt6-infrequest-received",
	Pkt6DHCPv4QueryReceived:    "pkt6-dhcpv4-query-received",
	Pkt6DHCPv4ResponseReceived: "pkt6-dhcpv4-response-received",
	Pkt6AddrRegInformReceived:  "pkt6-addr-reg-inform-received",
	Pkt6AddrRegReplyReceived:   "pkt6-addr-reg-reply-received",
	Pkt6UnknownReceived:        "pkt6-unknown-received",
	Pkt6Sent:                   "pkt6-sent",
	Pkt6AdvertiseSent:          "pkt6-advertise-sent",
	Pkt6ReplySent:              "pkt6-reply-sent",
	Pkt6DHCPv4ResponseSent:     "pkt6-dhcpv4-response-sent",
	Pkt6AddrRegReplySent:       "pkt6-addr-reg-reply-sent",
	Pkt6ParseFailed:            "pkt6-parse-failed",
	Pkt6ReceiveDrop:            "pkt6-receive-drop",
	Pkt6ServiceDisabled:        "pkt6-service-disabled",
	Pkt6QueueFull:              "pkt6-queue-full",
	Pkt6Duplicate:              "pkt6-duplicate",
	Pkt6RFCViolation:           "pkt6-rfc-violation",
	Pkt6AdminFiltered:          "pkt6-admin-filtered",
	Pkt6NotForUs:               "pkt6-not-for-us",
	Pkt6ProcessingFailed:       "pkt6-processing-failed",
	Pkt6LimitExceeded:          "pkt6-limit-exceeded",
	AssignedNAs:                "assigned-nas",
	CumulativeAssignedNAs:      "cumulative-assigned-nas",
	AssignedPDs:                "assigned-pds",
	CumulativeAssignedPDs:      "cumulative-assigned-pds",
	DeclinedAddresses6:         "declined-addresses",
	ReclaimedDeclined6:         "reclaimed-declined-addresses",
	ReclaimedLeases6:           "reclaimed-leases",
	AllocFail6:                 "v6-allocation-fail",
	AllocFailSharedNetwork6:    "v6-allocation-fail-shared-network",
	AllocFailSubnet6:           "v6-allocation-fail-subnet",
	AllocFailNoPools6:          "v6-allocation-fail-no-pools",
	AllocFailClasses6:          "v6-allocation-fail-classes",
	LeaseReusesNA:              "v6-ia-na-lease-reuses",
	LeaseReusesPD:              "v6-ia-pd-lease-reuses",
	CumulativeRegisteredNAs:    "cumulative-registered-nas",
}

// scopedGlobal6 is scopedGlobal4 for DHCPv6.
var scopedGlobal6 = [scopeStatCount]Stat{
	scAssigned: AssignedNAs, scCumulative: CumulativeAssignedNAs, scDeclined: DeclinedAddresses6,
	scReclaimedDeclined: ReclaimedDeclined6, scReclaimed: ReclaimedLeases6, scAllocFail: AllocFail6,
	scAllocFailShared: AllocFailSharedNetwork6, scAllocFailSubnet: AllocFailSubnet6,
	scAllocFailNoPools: AllocFailNoPools6, scAllocFailClasses: AllocFailClasses6,
	scReuses: LeaseReusesNA, scAssignedPD: AssignedPDs, scCumulativePD: CumulativeAssignedPDs,
	scReusesPD: LeaseReusesPD, scCumulativeRegistered: CumulativeRegisteredNAs,
}
