package server

import (
	"leasehold/ha"
	"leasehold/server/control"
)

// commandTable names every command. X stands for the number of the family.
// What has no run is answered by the engine.
func commandTable() map[string]command {
	const (
		read    = control.Read
		operate = control.Operate
		change  = control.Change
	)
	return map[string]command{
		"build-report":        {run: buildReport, doc: "what the binary was made of"},
		"config-backend-pull": {run: configBackendPull, role: operate, doc: "fetch from a configuration database; there is none"},
		"config-confirm":      {run: configConfirm, role: change, doc: "keep a configuration that was set with confirm-within"},
		"config-get":          {run: configGet, doc: "the running configuration, complete"},
		"config-hash-get":     {run: configHashGet, doc: "digest of the running configuration"},
		"config-reload":       {run: configReload, role: change, doc: "read the configuration file again"},
		"config-set":          {run: configSet, role: change, doc: "replace the running configuration"},
		"config-test":         {run: configTest, doc: "check a configuration"},
		"config-write":        {run: configWrite, role: change, doc: "write the running configuration to a file"},
		"interface-list":      {run: interfaceList, doc: "the interfaces of the machine"},
		"interface-redetect":  {run: interfaceRedetect, role: operate, doc: "look at the interfaces again"},
		"list-commands":       {run: listCommands, doc: "names of all commands"},
		"server-tag-get":      {run: serverTagGet, doc: "the server-tag of the configuration"},
		"shutdown":            {run: shutdown, role: change, doc: "end the process"},
		"status-get":          {run: statusGet, doc: "state of the process, its sockets and its services"},
		"version-get":         {run: versionGet, doc: "the version"},

		"dhcp-disable":   {role: operate, doc: "stop answering clients"},
		"dhcp-enable":    {role: operate, doc: "answer clients again"},
		"leases-reclaim": {role: operate, doc: "reclaim all expired leases now"},

		"statistic-get":                  {doc: "one statistic with its samples"},
		"statistic-get-all":              {doc: "all statistics"},
		"statistic-global-get-all":       {doc: "all statistics that belong to no subnet"},
		"statistic-remove":               {role: operate, doc: "forget one statistic"},
		"statistic-remove-all":           {role: operate, doc: "forget all statistics"},
		"statistic-reset":                {role: operate, doc: "put one statistic back to zero"},
		"statistic-reset-all":            {role: operate, doc: "put all statistics back to zero"},
		"statistic-sample-age-set":       {role: operate, doc: "how long the samples of one statistic are kept"},
		"statistic-sample-age-set-all":   {role: operate, doc: "how long samples are kept"},
		"statistic-sample-count-set":     {role: operate, doc: "how many samples of one statistic are kept"},
		"statistic-sample-count-set-all": {role: operate, doc: "how many samples are kept"},

		"ha-heartbeat":            {run: pairRun, hook: haHook, doc: "state of this server, for its partner"},
		"ha-sync":                 {run: pairRun, hook: haHook, role: operate, doc: "copy the leases of a peer"},
		"ha-scopes":               {run: pairRun, hook: haHook, role: change, doc: "whose clients this server answers"},
		"ha-continue":             {run: pairRun, hook: haHook, role: operate, doc: "go on from a pause"},
		"ha-reset":                {run: pairRun, hook: haHook, role: operate, doc: "start the state machine again"},
		"ha-maintenance-start":    {run: pairRun, hook: haHook, role: operate, doc: "take over so that the partner can be stopped"},
		"ha-maintenance-notify":   {run: pairRun, hook: haHook, role: operate, doc: "the partner begins or ends maintenance"},
		"ha-maintenance-cancel":   {run: pairRun, hook: haHook, role: operate, doc: "give the partner its clients back"},
		"ha-sync-complete-notify": {run: pairRun, hook: haHook, role: operate, doc: "the partner has copied our leases"},
		ha.LeaseBatch:             {run: pairRun, hook: haHook, role: operate, doc: "lease updates of the partner, many at once"},
		ha.LeaseChanges:           {run: pairRun, hook: haHook, doc: "a part of the change stream, for the partner"},
		ha.PoolShare:              {run: pairRun, hook: haHook, role: operate, doc: "a larger share of divided pools, for the partner"},
		"leasehold-goodbye":       {run: pairRun, hook: haHook, role: operate, doc: "the partner stops"},

		"leasehold-what-if":   {run: whatIf, doc: "what a described client would get; nothing is stored or sent"},
		"leasehold-mirror":    {run: configMirror, doc: "the running configuration without credentials, for the partner to compare"},
		"leasehold-conflicts": {hook: haHook, doc: "addresses that both servers of a pair gave away, and who has them"},
		"leasehold-leases":    {doc: "leases, with why each client has its address and whether the partner knows"},
		"leasehold-release":   {role: operate, doc: "end a lease as if the client had given it back, here and at the partner"},
		"leasehold-survey":    {doc: "figures of the server: pools, leases, drops, pairs"},
		"leasehold-explain":   {doc: "why a client got what it got: the last decisions about it"},

		"subnet4-select-test":   {only: 4, doc: "which subnet a query would be in"},
		"subnet4o6-select-test": {only: 4, doc: "which subnet a DHCPv4-over-DHCPv6 query would be in"},
		"subnet6-select-test":   {only: 6, doc: "which subnet a query would be in"},

		"leaseX-add":               {hook: leaseCmds, role: operate, doc: "add a lease"},
		"leaseX-del":               {hook: leaseCmds, role: operate, doc: "delete a lease"},
		"leaseX-get":               {hook: leaseCmds, doc: "one lease"},
		"leaseX-get-all":           {hook: leaseCmds, doc: "all leases, or those of some subnets"},
		"leaseX-get-by-hostname":   {hook: leaseCmds, doc: "the leases of a hostname"},
		"leaseX-get-by-hw-address": {hook: leaseCmds, doc: "the leases of a hardware address"},
		"leaseX-get-by-state":      {hook: leaseCmds, doc: "the leases in a state"},
		"leaseX-get-page":          {hook: leaseCmds, doc: "leases by address, some at a time"},
		"leaseX-resend-ddns":       {hook: leaseCmds, role: operate, doc: "update DNS for a lease again"},
		"leaseX-update":            {hook: leaseCmds, role: operate, doc: "replace a lease"},
		"leaseX-write":             {hook: leaseCmds, run: leaseWrite, role: operate, doc: "write all leases to a file"},
		"leaseX-wipe":              {hook: leaseCmds, role: operate, doc: "delete all leases of a subnet"},
		"lease4-get-by-client-id":  {hook: leaseCmds, only: 4, doc: "the leases of a client identifier"},
		"lease6-get-by-duid":       {hook: leaseCmds, only: 6, doc: "the leases of a DUID"},
		"lease6-bulk-apply":        {hook: leaseCmds, only: 6, role: operate, doc: "apply the changes of an HA partner"},

		"stat-leaseX-get": {hook: statCmds, doc: "lease counts of subnets"},

		"subnetX-list":        {hook: subnetCmds, run: subnetList, doc: "all subnets"},
		"subnetX-get":         {hook: subnetCmds, run: subnetGet, doc: "one subnet"},
		"subnetX-add":         {hook: subnetCmds, run: subnetAdd, role: change, doc: "add a subnet"},
		"subnetX-update":      {hook: subnetCmds, run: subnetUpdate, role: change, doc: "replace a subnet"},
		"subnetX-del":         {hook: subnetCmds, run: subnetDel, role: change, doc: "delete a subnet; its leases stay"},
		"subnetX-delta-add":   {hook: subnetCmds, run: subnetDeltaAdd, role: change, doc: "add to or change parts of a subnet"},
		"subnetX-delta-del":   {hook: subnetCmds, run: subnetDeltaDel, role: change, doc: "remove parts of a subnet"},
		"networkX-list":       {hook: subnetCmds, run: networkList, doc: "all shared networks"},
		"networkX-get":        {hook: subnetCmds, run: networkGet, doc: "one shared network"},
		"networkX-add":        {hook: subnetCmds, run: networkAdd, role: change, doc: "add a shared network"},
		"networkX-del":        {hook: subnetCmds, run: networkDel, role: change, doc: "delete a shared network"},
		"networkX-subnet-add": {hook: subnetCmds, run: networkSubnetAdd, role: change, doc: "move a subnet into a shared network"},
		"networkX-subnet-del": {hook: subnetCmds, run: networkSubnetDel, role: change, doc: "take a subnet out of a shared network"},

		"class-add":    {hook: classCmds, run: classAdd, role: change, doc: "add a client class"},
		"class-del":    {hook: classCmds, run: classDel, role: change, doc: "delete a client class"},
		"class-get":    {hook: classCmds, run: classGet, doc: "one client class"},
		"class-list":   {hook: classCmds, run: classList, doc: "all client classes"},
		"class-update": {hook: classCmds, run: classUpdate, role: change, doc: "replace a client class"},

		"reservation-add":             {hook: hostCmds, run: reservationAdd, role: change, doc: "add a reservation"},
		"reservation-del":             {hook: hostCmds, run: reservationDel, role: change, doc: "delete a reservation"},
		"reservation-get":             {hook: hostCmds, run: reservationGet, doc: "one reservation"},
		"reservation-get-all":         {hook: hostCmds, run: reservationGetAll, doc: "all reservations of a subnet"},
		"reservation-get-by-address":  {hook: hostCmds, run: reservationGetByAddress, doc: "the reservations of an address"},
		"reservation-get-by-hostname": {hook: hostCmds, run: reservationGetByHostname, doc: "the reservations of a hostname"},
		"reservation-get-by-id":       {hook: hostCmds, run: reservationGetByID, doc: "the reservations of an identifier"},
		"reservation-get-page":        {hook: hostCmds, run: reservationGetPage, doc: "reservations, some at a time"},
		"reservation-update":          {hook: hostCmds, run: reservationUpdate, role: change, doc: "replace a reservation"},
	}
}
