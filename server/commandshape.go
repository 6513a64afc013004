package server

// commandShape describes the arguments of a command and of its successful
// answer, for descriptions: members separated by blanks, each a name, then "!"
// if it is mandatory, then ":" and a type if that is not string. Types are
// those of shapeTypes, references "@NAME" to a map of a configuration or to one
// of shapeMaps, and "[TYPE]" for lists. X stands for the number of the family.
type commandShape struct {
	args  string // "" = none
	reply string // "" = none; a type in brackets alone = a list, not a map
	one   bool   // args: one of the members that are not mandatory is needed
}

const (
	leaseFields  = "hw-address hostname fqdn-fwd:bool fqdn-rev:bool state:int subnet-id:int valid-lft:int pool-id:int user-context:map"
	leaseGiven   = " expire:int comment "
	leaseFound   = "leases!:[@leaseX]"
	hostFound    = "hosts!:[@reservation]"
	hostSelector = "subnet-id!:int ip-address identifier-type identifier operation-target"
	subnetNames  = "subnets!:[@subnet-name]"
	configMap    = "DhcpX!:@dhcpX"
	sampleSet    = "name! max-samples!:int"
	selectFields = "interface address relay local remote link subnet classes:[string]"
)

// commandShapes are by name of the command table. What is not here has no
// arguments, and an answer of which nothing is promised.
var commandShapes = map[string]commandShape{
	"config-confirm":      {},
	"config-get":          {reply: configMap + " hash!"},
	"config-hash-get":     {reply: "hash!"},
	"config-reload":       {reply: "hash! changes!:map"},
	"config-set":          {args: configMap + " confirm-within:int", reply: "hash! changes!:map"},
	"config-test":         {args: configMap},
	"config-write":        {args: "filename", reply: "filename! size!:int"},
	"interface-list":      {reply: "interfaces!:[map]"},
	"interface-redetect":  {reply: "interfaces!:[map]"},
	"list-commands":       {reply: "[string]"},
	"server-tag-get":      {reply: "server-tag!"},
	"shutdown":            {args: "exit-value:int"},
	"status-get":          {reply: "pid!:int uptime!:int reload!:int multi-threading-enabled:bool sockets:map high-availability:[map] dhcp-state:map last-good"},
	"version-get":         {reply: "extended!"},
	"dhcp-disable":        {args: "max-period:int origin:any origin-id:int"},
	"dhcp-enable":         {args: "origin:any origin-id:int"},
	"leases-reclaim":      {args: "remove!:bool"},
	"statistic-get":       {args: "name!", reply: "*:samples"},
	"statistic-get-all":   {reply: "*:samples"},
	"statistic-remove":    {args: "name!"},
	"statistic-reset":     {args: "name!"},
	"ha-heartbeat":        {args: "server-name", reply: "date-time! scopes!:[string] state! unsent-update-count:int"},
	"ha-sync":             {args: "server-name! max-period:int"},
	"ha-scopes":           {args: "scopes!:[string] server-name"},
	"ha-continue":         {args: "server-name"},
	"ha-reset":            {args: "server-name"},
	"subnet4-select-test": {args: selectFields},
	"subnet6-select-test": {args: selectFields + " interface-id"},

	"ha-maintenance-start":           {args: "server-name"},
	"ha-maintenance-notify":          {args: "cancel!:bool server-name state"},
	"ha-maintenance-cancel":          {args: "server-name"},
	"ha-sync-complete-notify":        {args: "origin-id:int server-name"},
	"statistic-global-get-all":       {reply: "*:samples"},
	"statistic-sample-age-set":       {args: "name! duration!:int"},
	"statistic-sample-age-set-all":   {args: "duration!:int"},
	"statistic-sample-count-set":     {args: sampleSet},
	"statistic-sample-count-set-all": {args: "max-samples!:int"},
	"subnet4o6-select-test":          {args: selectFields + " interface-id"},

	"lease4-add":               {args: "ip-address! client-id " + leaseGiven + leaseFields + " hw-address!"},
	"lease6-add":               {args: "ip-address! duid! iaid!:int type prefix-len:int preferred-lft:int" + leaseGiven + leaseFields},
	"lease4-update":            {args: "ip-address! client-id force-create:bool" + leaseGiven + leaseFields + " hw-address!"},
	"lease6-update":            {args: "ip-address! duid! iaid!:int type prefix-len:int preferred-lft:int force-create:bool" + leaseGiven + leaseFields},
	"lease4-get":               {args: "ip-address subnet-id:int identifier-type identifier", one: true, reply: "@lease4"},
	"lease6-get":               {args: "ip-address type iaid:int subnet-id:int identifier-type identifier", one: true, reply: "@lease6"},
	"lease4-del":               {args: "ip-address subnet-id:int identifier-type identifier update-ddns:bool", one: true},
	"lease6-del":               {args: "ip-address type iaid:int subnet-id:int identifier-type identifier update-ddns:bool", one: true},
	"leaseX-get-all":           {args: "subnets:[int]", reply: leaseFound},
	"leaseX-get-by-hostname":   {args: "hostname!", reply: leaseFound},
	"leaseX-get-by-hw-address": {args: "hw-address!", reply: leaseFound},
	"leaseX-get-by-state":      {args: "state!:any subnet-id:int", reply: leaseFound},
	"leaseX-get-page":          {args: "from! limit!:int", reply: leaseFound + " count!:int"},
	"leaseX-resend-ddns":       {args: "ip-address!"},
	"leaseX-write":             {args: "filename!"},
	"leaseX-wipe":              {args: "subnet-id:int"},
	"lease4-get-by-client-id":  {args: "client-id!", reply: leaseFound},
	"lease6-get-by-duid":       {args: "duid!", reply: leaseFound},
	"lease6-bulk-apply":        {args: "deleted-leases:[map] leases:[map] origin-id:int", one: true, reply: "failed-deleted-leases:[map] failed-leases:[map]"},
	"stat-leaseX-get":          {args: "subnet-id:int subnet-range:map", reply: "result-set!:@result-set"},

	"subnetX-list":        {reply: subnetNames},
	"subnetX-get":         {args: "id:int subnet", one: true, reply: "subnetX!:[@dhcpX-subnet-shown]"},
	"subnetX-add":         {args: "subnetX!:[@dhcpX-subnet]", reply: subnetNames},
	"subnetX-update":      {args: "subnetX!:[@dhcpX-subnet]", reply: subnetNames},
	"subnetX-del":         {args: "id!:int", reply: subnetNames},
	"subnetX-delta-add":   {args: "subnetX!:[map]", reply: subnetNames},
	"subnetX-delta-del":   {args: "subnetX!:[map]", reply: subnetNames},
	"networkX-list":       {reply: "shared-networks!:[@name]"},
	"networkX-get":        {args: "name!", reply: "shared-networks!:[map]"},
	"networkX-add":        {args: "shared-networks!:[@dhcpX-shared-network]", reply: "shared-networks!:[@name]"},
	"networkX-del":        {args: "name! subnets-action", reply: "shared-networks!:[@name]"},
	"networkX-subnet-add": {args: "name! id!:int"},
	"networkX-subnet-del": {args: "name! id!:int"},

	"class-add":    {args: "client-classes!:[@dhcpX-client-class]"},
	"class-del":    {args: "name!"},
	"class-get":    {args: "name!", reply: "client-classes!:[@dhcpX-client-class]"},
	"class-list":   {reply: "client-classes!:[@name]"},
	"class-update": {args: "client-classes!:[@dhcpX-client-class]"},

	"reservation-add":             {args: "reservation!:@reservation operation-target"},
	"reservation-del":             {args: hostSelector},
	"reservation-get":             {args: hostSelector, reply: "@reservation"},
	"reservation-get-all":         {args: "subnet-id!:int operation-target", reply: hostFound},
	"reservation-get-by-address":  {args: "ip-address! subnet-id:int operation-target", reply: hostFound},
	"reservation-get-by-hostname": {args: "hostname! subnet-id:int operation-target", reply: hostFound},
	"reservation-get-by-id":       {args: "identifier-type! identifier! operation-target", reply: hostFound},
	"reservation-get-page":        {args: "limit!:int subnet-id:int from:int source-index:int operation-target", reply: hostFound + " count!:int next:map"},
	"reservation-update":          {args: "reservation!:@reservation operation-target"},
}

// shapeMaps are maps that answers and arguments share.
var shapeMaps = map[string]string{
	"lease4":      "ip-address! client-id cltt!:int " + leaseFields,
	"lease6":      "ip-address! type! iaid!:int duid! prefix-len:int preferred-lft!:int cltt!:int " + leaseFields,
	"name":        "name:any",
	"subnet-name": "id!:int subnet! shared-network-name:any",
	"result-set":  "columns!:[string] rows!:[[number]] timestamp!",
	"reservation": "subnet-id:int hw-address duid client-id circuit-id flex-id ip-address ip-addresses:[string] prefixes:[string] hostname " +
		"next-server server-hostname boot-file-name client-classes:[string] option-data:[map] user-context:map",
}
