package message

// Messages of a shadow, which Kea has not.
var (
	ShadowStarted = &Message{ID: "LEASEHOLD_SHADOW_STARTED", Logger: Root, Level: Info}
	ShadowDiffers = &Message{ID: "LEASEHOLD_SHADOW_DIFFERS", Logger: Root, Level: Warn}
	ShadowTotals  = &Message{ID: "LEASEHOLD_SHADOW_TOTALS", Logger: Root, Level: Info}
)
