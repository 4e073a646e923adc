package config

// Config is everything that can be set. A value given out by [Load] or [Watcher] is complete and valid and must not be
// changed. Keys marked reload take effect without a restart.
type Config struct {
	// Folder for what the gateway itself keeps: the embedded database and the tokens it made. Relative to the working
	// directory. Default ./data.
	DataDir string `yaml:"data_dir" validate:"required"`

	HTTP      HTTP      `yaml:"http"`
	Admin     Admin     `yaml:"admin"`
	Log       Log       `yaml:"log"`
	Database  Database  `yaml:"database"`
	Redis     Redis     `yaml:"redis"`
	Dedup     Dedup     `yaml:"dedup"`
	Limits    Limits    `yaml:"limits"`
	Retention Retention `yaml:"retention"`
	Apify     Apify     `yaml:"apify"`

	// How long a stopping gateway goes on serving after `/readyz` has turned 503, so that load balancers turn away first; 0:
	// not at all. Together with `shutdown_timeout` it must fit into what the supervisor grants, 30s in Kubernetes.
	// Default 3s.
	ShutdownDelay Duration `yaml:"shutdown_delay" validate:"max=10m"`
	// How long a stopping gateway then waits for requests in flight and for batches to be committed. Default 25s.
	ShutdownTimeout Duration `yaml:"shutdown_timeout" validate:"min=1s,max=1h"`

	// The configured senders. Default one source `apify` with a token made on first start, in embedded mode only.
	Sources []Source `yaml:"sources" validate:"max=1000,dive" reload:"yes"`
	// The configured receivers. An event goes to each that wants it; without any, events are kept and go nowhere. Default
	// none.
	Destinations []Destination `yaml:"destinations" validate:"max=100,dive" reload:"yes"`
}

// HTTP is the public listener, the one that senders reach.
type HTTP struct {
	// Address of the public listener, host:port; without a host it listens on all interfaces. Default :8080.
	Listen string `yaml:"listen" validate:"listen"`
	// URL under which senders reach the public listener; used to print webhook URLs. Empty: made from the listen address.
	// Default empty.
	PublicURL string `yaml:"public_url" validate:"omitempty,public_url"`
	// Longest body taken; more is answered 413. Default 10MiB.
	MaxBody Bytes `yaml:"max_body" validate:"min=1024,max=1073741824" reload:"yes"`
	// Time to receive a request's headers. Default 5s.
	ReadHeaderTimeout Duration `yaml:"read_header_timeout" validate:"min=100ms,max=10m"`
	// Time to receive a whole request, headers and body. Default 20s.
	ReadTimeout Duration `yaml:"read_timeout" validate:"min=100ms,max=1h"`
	// Time from the end of a request's headers to the end of its answer. Default 30s.
	WriteTimeout Duration `yaml:"write_timeout" validate:"min=100ms,max=1h"`
	// How long a connection without a request is kept open. Default 2m.
	IdleTimeout Duration `yaml:"idle_timeout" validate:"min=1s,max=24h"`
	// Longest headers taken, all together; more is answered 431. Default 32KiB.
	MaxHeader Bytes `yaml:"max_header" validate:"min=4096,max=1048576"`
	// Networks (CIDR) of proxies whose X-Forwarded-For is believed. None: the address of the connection counts. Default
	// none.
	TrustedProxies []string `yaml:"trusted_proxies" validate:"dive,cidr"`
}

// Admin is the operators' listener: dashboard, API and metrics.
type Admin struct {
	// Address of the admin listener, host:port. Default 127.0.0.1:8081.
	Listen string `yaml:"listen" validate:"listen"`
	// Bearer token of the admin API with the role admin. Empty, and no `tokens`: made on first start and kept in
	// `data_dir`. Default empty.
	Token Secret `yaml:"token"`
	// File that holds the token, instead of `token`. Default empty.
	TokenFile string `yaml:"token_file"`
	// Further tokens, each with a role. Default none.
	Tokens []AdminToken `yaml:"tokens" validate:"max=100,dive" reload:"yes"`
	// How long a login of the dashboard lasts. Default 12h.
	Session Duration `yaml:"session" validate:"min=1m,max=720h"`
	// Key that signs logins, at least 32 characters; the same for all gateways, so that each knows the others' logins.
	// Empty: made on first start and kept in `data_dir`. Default empty.
	SessionKey Secret `yaml:"session_key"`
	// File that holds the key, instead of `session_key`. Default empty.
	SessionKeyFile string `yaml:"session_key_file"`
	// File with the admin listener's certificate (PEM), read at start. Default empty.
	TLSCertFile string `yaml:"tls_cert_file"`
	// File with the certificate's key (PEM). Default empty.
	TLSKeyFile string `yaml:"tls_key_file"`
	// Whether a proxy in front of the admin listener speaks TLS to everybody. Without it or a certificate, the listener
	// must be on loopback. Default false.
	BehindProxy bool `yaml:"behind_proxy"`
}

// Log is how the gateway logs.
type Log struct {
	// Form of a log line: `text`, `json`, or `auto`: text on a terminal, JSON elsewhere. Default auto.
	Format string `yaml:"format" validate:"oneof=auto text json"`
	// Lowest level logged: `debug`, `info`, `warn` or `error`. Default info.
	Level string `yaml:"level" validate:"oneof=debug info warn error" reload:"yes"`
}

// Database is the ledger, the only one that may call an event new.
type Database struct {
	// URL of PostgreSQL 13 or newer, postgres://user:password@host:5432/name. Empty: SQLite in `data_dir`, for trying
	// out, with the embedded Redis only. Default empty.
	URL DatabaseURL `yaml:"url" validate:"omitempty,database_url"`
	// File that holds the URL, instead of `url`. Default empty.
	URLFile string `yaml:"url_file"`
	// Most connections to PostgreSQL at the same time, one gateway's share. Default 16.
	MaxConnections int `yaml:"max_connections" validate:"min=2,max=1000"`
	// Batches committed at the same time. Default 2.
	Committers int `yaml:"committers" validate:"min=1,max=64"`
}

// Redis is the fast memory in front of the ledger. It may shorten the way to "duplicate", nothing else.
type Redis struct {
	// `single`, `sentinel` or `cluster` for Redis 7.0 or newer; `embedded`: inside this process, for trying out, with
	// the embedded database only. Default embedded.
	Mode string `yaml:"mode" validate:"oneof=embedded single sentinel cluster"`
	// Addresses, host:port: one in mode single, those of the sentinels in mode sentinel, some nodes in mode cluster.
	// Default none.
	Addresses []string `yaml:"addresses" validate:"dive,hostport"`
	// Name of the primary that the sentinels watch; mode sentinel only. Default empty.
	MasterName string `yaml:"master_name"`
	// User to log in as. Empty: Redis's default user. Default empty.
	Username string `yaml:"username"`
	// Password to log in with. Empty: no login. Default empty.
	Password Secret `yaml:"password"`
	// File that holds the password, instead of `password`. Default empty.
	PasswordFile string `yaml:"password_file"`
	// Password of the sentinels themselves; mode sentinel only. Default empty.
	SentinelPassword Secret `yaml:"sentinel_password"`
	// File that holds the sentinels' password, instead of `sentinel_password`. Default empty.
	SentinelPasswordFile string `yaml:"sentinel_password_file"`
	// Number of the Redis database; always 0 in mode cluster. Default 0.
	DB int `yaml:"db" validate:"min=0,max=1000000"`
	// Whether connections use TLS. Default false.
	TLS bool `yaml:"tls"`
	// File with the certificates (PEM) to trust instead of the system's; with `tls` only. Default empty.
	TLSCAFile string `yaml:"tls_ca_file"`
}

// Dedup is the decision: what Redis remembers for how long, and how requests are committed together.
type Dedup struct {
	// How long Redis remembers a committed event. A later repeat is still caught, by the database. Below 43h Apify's
	// last retries miss it. Default 3d.
	Window Duration `yaml:"window" validate:"min=1s,max=8784h" reload:"yes"`
	// How long Redis remembers a request that has not been committed. Below `decide_timeout` twins in flight both reach
	// the database. Default 15s.
	Lease Duration `yaml:"lease" validate:"min=10ms,max=1h" reload:"yes"`
	// Time for one decision, all retries included; then the answer is 503. Default 8s.
	DecideTimeout Duration `yaml:"decide_timeout" validate:"min=100ms,max=5m"`
	// Time for one round trip to Redis; then the database is asked without it. Default 50ms.
	RedisTimeout Duration `yaml:"redis_timeout" validate:"min=1ms,max=10s"`
	// Longest time by which telling Redis of a commit may delay an answer. Default 20ms.
	SettleTimeout Duration `yaml:"settle_timeout" validate:"min=1ms,max=10s"`
	// Most requests waiting for a decision; one more is answered 503 at once. Default 4096.
	QueueRequests int `yaml:"queue_requests" validate:"min=1,max=1000000"`
	// Most bytes of bodies waiting for a decision; more is answered 503 at once. Default 256MiB.
	QueueBytes Bytes `yaml:"queue_bytes" validate:"min=1024,max=68719476736"`
	// Most requests in one commit. Default 128.
	BatchRequests int `yaml:"batch_requests" validate:"min=1,max=10000"`
	// Most bytes of bodies in one commit; a longer body goes alone. Default 8MiB.
	BatchBytes Bytes `yaml:"batch_bytes" validate:"min=1024,max=1073741824"`
	// Most duplicates whose receipts may wait in Redis; further ones are stored with the database batch. Default 1000000.
	HitsCap int `yaml:"hits_cap" validate:"min=1,max=100000000"`
	// Most bodies kept beside an event's own in which its repeats differ, as when two webhooks with different payload
	// templates tell it; for looking at, in the database. 0: none. Default 4.
	OtherBodies int `yaml:"other_bodies" validate:"min=0,max=100" reload:"yes"`
}

// Retention is how long things are kept. 0 keeps them forever.
type Retention struct {
	// How long receipts are kept, at least a day and never shorter than the longest window; 0: forever. Default 90d.
	Receipts Duration `yaml:"receipts" validate:"omitempty,min=24h,max=876000h" reload:"yes"`
	// How long the bodies of events are kept, at least a day; 0: forever. Default 90d.
	Bodies Duration `yaml:"bodies" validate:"omitempty,min=24h,max=876000h" reload:"yes"`
	// How long event keys are kept, at least a day and never shorter than the longest window; 0: forever. A repeat that
	// comes later is taken for new. Default 400d.
	Keys Duration `yaml:"keys" validate:"omitempty,min=24h,max=876000h" reload:"yes"`
	// How long quarantined requests are kept, at least a day; 0: forever. Default 90d.
	Quarantine Duration `yaml:"quarantine" validate:"omitempty,min=24h,max=876000h" reload:"yes"`
}
