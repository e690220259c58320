use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use toml::Value;

use super::reader::Reader;
use super::schema::{DefaultSetting, schema};
use super::*;

/// Loads with these environment variables.
fn with_environment(variables: &[(&str, &str)]) -> Result<Loaded, Problems> {
    load_from(&Flags::default(), &environment(variables))
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::new(
        variables
            .iter()
            .map(|(name, value)| (name.into(), value.into())),
    )
}

/// Loads `text` as `roadstead.toml`, with these environment variables.
fn with_file(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("roadstead.toml");
    std::fs::write(&path, text).unwrap();
    let flags = Flags {
        config_file: Some(path),
        ..Flags::default()
    };
    load_from(&flags, &environment(variables)).map_err(|problems| shown(&problems, dir.path()))
}

/// The problems as a user sees them who started the program in `dir`.
fn shown(problems: &Problems, dir: &Path) -> String {
    problems
        .to_string()
        .replace(&format!("{}/", dir.display()), "")
}

fn refused(text: &str) -> String {
    with_file(text, &[]).unwrap_err()
}

fn refused_variables(variables: &[(&str, &str)]) -> String {
    with_environment(variables).unwrap_err().to_string()
}

/// A value of the same kind that differs and is permitted; the text to write in TOML and the one in a variable.
fn another(setting: &DefaultSetting) -> (String, String) {
    let text = match setting.key.name {
        "address" => "127.0.0.1:5999",
        "exposure" => "private",
        "external_url" => "https://registry.example.com",
        "format" => "json",
        "level" => "warn",
        "forwarded_header" => "forwarded",
        "requests" => "all",
        "endpoint" => "https://s3.example.com",
        "encryption" => "kms",
        "security" => "tls",
        "from" => "registry@example.com",
        "otlp_endpoint" => "http://127.0.0.1:4318/v1/traces",
        "url" | "read_url" => "postgres://roadstead@localhost/roadstead",
        // A file that is there.
        "tls_certificate" | "tls_private_key" | "password_file" | "credentials_file"
        | "ca_certificates" => concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        _ => "another",
    };
    match &setting.value {
        Value::String(_) => (format!("{text:?}"), text.to_owned()),
        // Some defaults are the largest value there is; a smallest one is 0.
        Value::Integer(0) => same("1".to_owned()),
        Value::Integer(number) => same((number - 1).to_string()),
        Value::Float(_) => same("0.5".to_owned()),
        Value::Boolean(flag) => same((!flag).to_string()),
        Value::Array(_) if setting.key.name == "nameservers" => same("[\"192.0.2.53\"]".to_owned()),
        Value::Array(_) => same("[\"10.0.0.0/8\"]".to_owned()),
        other => panic!("{}: {other} has no example here", setting.key),
    }
}

fn same(text: String) -> (String, String) {
    (text.clone(), text)
}

/// TLS files come in pairs, the PROXY protocol from proxies; what PostgreSQL needs to know means nothing without one; mail says
/// whom it is from, and where its readers go. Those of the setting's own section come first.
fn companions(setting: &DefaultSetting) -> Vec<&'static DefaultSetting> {
    let beside = match setting.key.name {
        "host" => schema::find("registry", "external_url"),
        "proxy_protocol" => schema::find("network", "trusted_proxies"),
        _ => None,
    };
    companion(setting).into_iter().chain(beside).collect()
}

fn companion(setting: &DefaultSetting) -> Option<&'static DefaultSetting> {
    let name = match setting.key.name {
        "tls_certificate" => "tls_private_key",
        "tls_private_key" => "tls_certificate",
        "access_key" => "secret_key",
        "secret_key" => "access_key",
        "encryption" => "kms_key_id",
        "kms_key_id" => "encryption",
        "password_file"
        | "connections"
        | "connect_timeout_secs"
        | "connection_wait_secs"
        | "statement_timeout_secs"
        | "read_url"
        | "read_max_lag_secs"
            if setting.key.section == "database" =>
        {
            "url"
        }
        "host" => "from",
        "user_name" => "password_file",
        "password_file" => "user_name",
        _ => return None,
    };
    schema::find(setting.key.section, name)
}

#[test]
fn the_defaults_are_valid() {
    let loaded = with_environment(&[]).unwrap();
    let config = loaded.config;
    assert_eq!(config.listeners.len(), 1);
    assert_eq!(
        config.listeners[0].address,
        "127.0.0.1:5000".parse().unwrap()
    );
    assert_eq!(config.listeners[0].exposure, Exposure::Public);
    assert_eq!(config.listeners[0].tls, None);
    assert_eq!(
        config.metrics.address,
        Some("127.0.0.1:5001".parse().unwrap())
    );
    assert_eq!(config.storage.directory, config.data_dir);
    assert_eq!(config.registry.token_lifetime, Duration::from_mins(5));
    assert_eq!(
        config.registry.refresh_token_lifetime,
        Duration::from_hours(30 * 24)
    );
    assert_eq!(config.limits.manifest_bytes, 4 * 1024 * 1024);
    assert_eq!(config.log.requests, AccessLog::Changes);
}

/// The document, the schema and the struct have the same settings: whatever the document has is read.
#[test]
fn every_setting_of_the_document_is_read() {
    let settings = Settings::defaults();
    let mut reader = Reader::new(&settings);
    typed::read_all(&mut reader, 1);
    let read: BTreeSet<_> = reader.seen.keys().copied().collect();
    let documented: BTreeSet<_> = schema().iter().map(|setting| setting.key).collect();
    assert_eq!(read, documented);
    assert!(
        documented.len() > 40,
        "only {} settings were found",
        documented.len()
    );
}

/// The comment above a number (or above the group of numbers it stands in) names what is permitted, as checked.
#[test]
fn the_comment_of_every_number_gives_its_range() {
    let settings = Settings::defaults();
    let mut reader = Reader::new(&settings);
    typed::read_all(&mut reader, 1);
    for setting in schema() {
        let Some(Some(range)) = reader.seen.get(&setting.key) else {
            continue;
        };
        let stated = format!(" {} to {}.", range.start(), range.end());
        let comment = comment_of(setting);
        assert!(
            comment.contains(&stated),
            "{}: {stated:?} not in {comment:?}",
            setting.key
        );
    }
}

#[test]
fn every_setting_has_a_comment() {
    for setting in schema() {
        assert!(
            comment_of(setting).len() > 10,
            "{} has no comment",
            setting.key
        );
    }
}

/// The comment lines above a setting, or above the settings right before it.
fn comment_of(setting: &DefaultSetting) -> String {
    let above: Vec<&str> = DEFAULTS[..setting.offset].lines().rev().collect();
    let settings = |line: &&&str| line.contains(" = ") && !line.starts_with('#');
    let skipped = above.iter().take_while(settings).count();
    let comment: Vec<&str> = above[skipped..]
        .iter()
        .take_while(|line| line.starts_with('#'))
        .copied()
        .collect();
    comment.into_iter().rev().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_setting_can_be_changed_by_its_variable() {
    for setting in schema() {
        let variable = setting.key.variable();
        let (toml, text) = another(setting);
        let mut variables = vec![(variable.clone(), text)];
        for companion in companions(setting) {
            variables.push((companion.key.variable(), another(companion).1));
        }
        let pairs: Vec<_> = variables
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        let loaded = with_environment(&pairs).unwrap_or_else(|problems| panic!("{problems}"));
        let now = loaded.settings.get(setting.key);
        assert_eq!(now.value.to_string(), toml, "{variable}");
        assert_eq!(now.origin, Origin::Variable(variable.clone()));
        assert_ne!(now.value, setting.value);
        // Without it, but with what it needs beside it, where that may stand alone.
        let before = with_environment(&pairs[1..]).or_else(|_| with_environment(&[]));
        let before = format!("{:?}", before.unwrap().config);
        let is_shown = format!("{:?}", loaded.config) != before;
        // Permission for plain HTTP changes what is accepted, not what is done; a password is not shown; how old lists may
        // be matters with a read_url only.
        let unseen = [
            "allow_plain_http",
            "allow_no_tls",
            "password_file",
            "read_max_lag_secs",
        ];
        assert!(
            is_shown || unseen.contains(&setting.key.name),
            "{variable} has no effect"
        );
    }
}

#[test]
fn every_setting_can_be_changed_in_the_file() {
    for setting in schema() {
        let mut lines = match setting.key.section {
            "" => String::new(),
            "listeners" => "[[listeners]]\n".to_owned(),
            section => format!("[{section}]\n"),
        };
        let with = |s: &DefaultSetting| format!("{} = {}\n", s.key.name, another(s).0);
        lines += &with(setting);
        if setting.key.section == "listeners" && setting.key.name != "address" {
            lines += "address = \"127.0.0.1:5999\"\n";
        }
        for companion in companions(setting) {
            if companion.key.section != setting.key.section {
                lines += "[";
                lines += companion.key.section;
                lines += "]\n";
            }
            lines += &with(companion);
        }
        let loaded = with_file(&lines, &[]).unwrap();
        let now = loaded.settings.get(setting.key);
        assert_eq!(now.value.to_string(), another(setting).0);
        assert!(matches!(now.origin, Origin::File { .. }));
    }
}

/// What check-config prints is a file that means the same.
#[test]
fn the_settings_in_effect_can_be_loaded_again() {
    let text = "[limits]\nmanifest_bytes = 2048\n[network]\ntrusted_proxies = [\"::1\"]\n\
                [[listeners]]\naddress = \"127.0.0.1:1\"\n[[listeners]]\naddress = \"[::1]:2\"\n";
    let first = with_file(text, &[("ROADSTEAD_LOG__LEVEL", "info,web=debug")]).unwrap();
    let second = with_file(&first.settings.to_toml(), &[]).unwrap();
    assert_eq!(
        format!("{:?}", second.config),
        format!("{:?}", first.config)
    );
    assert_eq!(with_file(DEFAULTS, &[]).unwrap().config.listeners.len(), 1);
}

#[test]
fn the_settings_in_effect_name_their_origins() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("roadstead.toml");
    std::fs::write(&path, "[limits]\nmanifest_bytes = 2048\n").unwrap();
    let flags = Flags {
        config_file: Some(path),
        data_dir: Some("/srv/registry".into()),
        listen: vec!["127.0.0.1:6000".parse().unwrap()],
    };
    let loaded = load_from(
        &flags,
        &environment(&[("ROADSTEAD_LIMITS__TAGS_PAGE", "50")]),
    )
    .unwrap();
    let toml = loaded
        .settings
        .to_toml()
        .replace(&format!("{}/", dir.path().display()), "");
    let changed: Vec<&str> = toml.lines().filter(|line| line.contains("  # ")).collect();
    insta::assert_snapshot!(changed.join("\n"), @r#"
    data_dir = "/srv/registry"  # --data-dir
    address = "127.0.0.1:6000"  # --listen
    manifest_bytes = 2048  # roadstead.toml:2:18
    tags_page = 50  # ROADSTEAD_LIMITS__TAGS_PAGE
    "#);
}

#[test]
fn later_sources_win() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("roadstead.toml");
    std::fs::write(
        &path,
        "data_dir = \"file\"\n[log]\nlevel = \"warn\"\nformat = \"json\"\n",
    )
    .unwrap();
    let variables = [
        ("ROADSTEAD_DATA_DIR", "variable"),
        ("ROADSTEAD_LOG__LEVEL", "debug"),
    ];
    let mut flags = Flags {
        config_file: Some(path.clone()),
        ..Flags::default()
    };
    let config = load_from(&flags, &environment(&variables)).unwrap().config;
    assert_eq!(config.data_dir, Path::new("variable"));
    assert_eq!(config.log.level, "debug");
    assert_eq!(config.log.format, LogFormat::Json);
    flags.data_dir = Some("flag".into());
    let config = load_from(&flags, &environment(&variables)).unwrap().config;
    assert_eq!(config.data_dir, Path::new("flag"));
    assert_eq!(config.storage.directory, Path::new("flag"));

    let named = [("ROADSTEAD_CONFIG", path.to_str().unwrap())];
    assert_eq!(
        with_environment(&named).unwrap().config.data_dir,
        Path::new("file")
    );
}

#[test]
fn listeners_of_the_file_replace_the_default_and_variables_change_or_add_one() {
    let text = "[[listeners]]\naddress = \"127.0.0.1:1\"\nexposure = \"private\"\n\
                [[listeners]]\naddress = \"127.0.0.1:2\"\n";
    let variables = [
        ("ROADSTEAD_LISTENERS__1__ADDRESS", "127.0.0.1:22"),
        ("ROADSTEAD_LISTENERS__2__ADDRESS", "0.0.0.0:3"),
        ("ROADSTEAD_LISTENERS__2__ALLOW_PLAIN_HTTP", "true"),
    ];
    let listeners = with_file(text, &variables).unwrap().config.listeners;
    let addresses: Vec<String> = listeners.iter().map(|l| l.address.to_string()).collect();
    assert_eq!(addresses, ["127.0.0.1:1", "127.0.0.1:22", "0.0.0.0:3"]);
    assert_eq!(listeners[0].exposure, Exposure::Private);
    assert_eq!(listeners[1].exposure, Exposure::Public);
}

#[test]
fn listen_replaces_addresses_in_order_and_leaves_no_other_listener() {
    let variables = [
        ("ROADSTEAD_LISTENERS__0__EXPOSURE", "private"),
        ("ROADSTEAD_LISTENERS__1__ADDRESS", "127.0.0.1:2"),
    ];
    let listen = |addresses: &[&str]| {
        let listen = addresses
            .iter()
            .map(|address| address.parse().unwrap())
            .collect();
        let flags = Flags {
            listen,
            ..Flags::default()
        };
        load_from(&flags, &environment(&variables))
            .unwrap()
            .config
            .listeners
    };
    let one = listen(&["127.0.0.1:7"]);
    assert_eq!(one.len(), 1);
    assert_eq!(
        (one[0].address.port(), one[0].exposure),
        (7, Exposure::Private)
    );
    let three = listen(&["127.0.0.1:7", "127.0.0.1:8", "127.0.0.1:9"]);
    let ports: Vec<u16> = three
        .iter()
        .map(|listener| listener.address.port())
        .collect();
    assert_eq!(ports, [7, 8, 9]);
}

#[test]
fn a_file_with_mistakes_gets_them_all_named_with_their_places() {
    let text = r#"
manifest_bytes = 1
metric = "x"

[limits]
manifest_byte = 4194304
tags_page = "many"
catalog_page = 0
blob_bytes = 99999999999999999999
colour = "red"
cache_bytes = 3

[log]
format = "xml"
level = "loud"

[network]
trusted_proxies = ["10.0.0.0/8", "all", 7]

[[listeners]]
address = "localhost:5000"
exposure = "secret"
port = 5000

[[listeners]]
exposure = "public"

[traces]
sample_ratio = 2

[limit]
tags_page = 1
"#;
    insta::assert_snapshot!(refused(text), @r#"
    roadstead.toml:2:1: manifest_bytes: unknown setting here; did you mean [limits] manifest_bytes?
    roadstead.toml:3:1: metric: unknown setting; did you mean metrics?
    roadstead.toml:6:1: [limits] manifest_byte: unknown setting; did you mean manifest_bytes?
    roadstead.toml:7:13: [limits] tags_page: expected a whole number, as in 1000, found the text "many"
    roadstead.toml:8:16: [limits] catalog_page: 0 is out of range: write a number from 1 to 10000
    roadstead.toml:9:14: [limits] blob_bytes: expected a whole number, as in 1099511627776, found a number that is too large
    roadstead.toml:10:1: [limits] colour: unknown setting; `roadstead check-config --defaults` lists all
    roadstead.toml:11:1: [limits] cache_bytes: unknown setting here; did you mean [database] cache_bytes?
    roadstead.toml:14:10: [log] format: "xml" is unknown; write one of "text", "json"
    roadstead.toml:15:9: [log] level: "loud" has "loud", which is no level; write "error", "warn", "info", "debug" or "trace", or rules as in "info,web=debug"
    roadstead.toml:18:19: [network] trusted_proxies: `all` is not an address range; write it like 10.0.0.0/8 or fd00::/8
    roadstead.toml:18:19: [network] trusted_proxies: 7 is not a text; put it in quotes
    roadstead.toml:21:11: [[listeners]] address: "localhost:5000" is not an IP address with a port; write it as in "127.0.0.1:5000" or "[::1]:5000"
    roadstead.toml:22:12: [[listeners]] exposure: "secret" is unknown; write one of "public", "private"
    roadstead.toml:23:1: [[listeners]] port: unknown setting here; did you mean [mail] port?
    roadstead.toml:25:1: [[listeners]] address: this listener has no address; write one, as in address = "127.0.0.1:5000"
    roadstead.toml:29:16: [traces] sample_ratio: 2.0 is out of range: write a number from 0.0 to 1.0
    roadstead.toml:31:2: [limit]: unknown setting; did you mean limits?
    "#);
}

#[test]
fn a_file_that_is_no_toml_gets_line_and_column() {
    insta::assert_snapshot!(refused("[limits]\ntags_page = = 3\ncatalog_page = \"x\n"), @r#"
    roadstead.toml:2:13: not valid TOML: extra `=`, expected nothing
    roadstead.toml:2:15: not valid TOML: unexpected key or value, expected newline, `#`
    roadstead.toml:3:18: not valid TOML: invalid basic string, expected `"`
    "#);
    insta::assert_snapshot!(refused("[log]\nlevel = \"info\"\nlevel = \"warn\"\n"), @"roadstead.toml:3:1: not valid TOML: duplicate key");
    insta::assert_snapshot!(refused("limits = 3\nlisteners = \"127.0.0.1:1\"\n"), @"
    roadstead.toml:1:1: limits: this is a section; write [limits], then its settings
    roadstead.toml:2:13: listeners: write one [[listeners]] per address, each with its settings below; 1 to 64 of them
    ");
    insta::assert_snapshot!(refused("listeners = []\n"), @"roadstead.toml:1:13: listeners: write one [[listeners]] per address, each with its settings below; 1 to 64 of them");
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_that_says_who_named_it() {
    let flags = Flags {
        config_file: Some("/nowhere/roadstead.toml".into()),
        ..Flags::default()
    };
    let problems = load_from(&flags, &environment(&[]))
        .unwrap_err()
        .to_string();
    insta::assert_snapshot!(problems, @"--config: cannot read /nowhere/roadstead.toml: No such file or directory (os error 2)");
    let problems = refused_variables(&[("ROADSTEAD_CONFIG", "/nowhere/roadstead.toml")]);
    insta::assert_snapshot!(problems, @"ROADSTEAD_CONFIG: cannot read /nowhere/roadstead.toml: No such file or directory (os error 2)");
}

#[test]
fn wrong_variables_are_named() {
    let variables = [
        ("ROADSTEAD_LIMITS__MANIFEST_BYTES", "4 MiB"),
        ("ROADSTEAD_LIMITS__TAGS_PAGE", "0"),
        ("ROADSTEAD_LIMIT__TAGS_PAGE", "10"),
        ("ROADSTEAD_SOMETHING_ELSE", "10"),
        ("ROADSTEAD_NETWORK__TRUSTED_PROXIES", "10.0.0.0/8"),
        ("ROADSTEAD_REGISTRY__ANONYMOUS_PULL", "yes"),
        ("ROADSTEAD_LISTENERS__3__ADDRESS", "127.0.0.1:3"),
        ("ROADSTEAD_LISTENERS__1__EXPOSURE", "private"),
        ("ROADSTEAD_ADMIN_PASSWORD", ""),
    ];
    insta::assert_snapshot!(refused_variables(&variables), @r#"
    ROADSTEAD_LIMIT__TAGS_PAGE: unknown setting; did you mean ROADSTEAD_LIMITS__TAGS_PAGE?
    ROADSTEAD_SOMETHING_ELSE: unknown setting; `roadstead check-config --defaults` lists all, with how variables are named
    ROADSTEAD_LIMITS__MANIFEST_BYTES: expected a whole number, as in 4194304, found the text "4 MiB"
    ROADSTEAD_LISTENERS__3__ADDRESS: there is no listener 2 before it; they count from 0
    ROADSTEAD_NETWORK__TRUSTED_PROXIES: expected a list, as in ["a", "b"], found the text "10.0.0.0/8"
    ROADSTEAD_REGISTRY__ANONYMOUS_PULL: expected true or false, found the text "yes"
    ROADSTEAD_LISTENERS__1__EXPOSURE: this listener has no address; write one, as in address = "127.0.0.1:5000"
    ROADSTEAD_LIMITS__TAGS_PAGE: 0 is out of range: write a number from 1 to 10000
    ROADSTEAD_ADMIN_PASSWORD: is empty; give a password, or unset it to have one generated
    "#);
}

#[test]
fn a_variable_that_is_no_text_is_refused_by_name() {
    use std::os::unix::ffi::OsStringExt as _;
    let name = OsString::from("ROADSTEAD_DATA_DIR");
    let environment = Environment::new([(name, OsString::from_vec(vec![0xff]))]);
    let problems = load_from(&Flags::default(), &environment)
        .unwrap_err()
        .to_string();
    insta::assert_snapshot!(problems, @"ROADSTEAD_DATA_DIR: is not valid UTF-8");
}

#[test]
fn variables_that_kubernetes_sets_for_a_service_called_roadstead_are_ignored() {
    let links = [
        ("ROADSTEAD_SERVICE_HOST", "10.0.0.1"),
        ("ROADSTEAD_SERVICE_PORT", "5000"),
        ("ROADSTEAD_SERVICE_PORT_HTTP", "5000"),
        ("ROADSTEAD_PORT", "tcp://10.0.0.1:5000"),
        ("ROADSTEAD_PORT_5000_TCP", "tcp://10.0.0.1:5000"),
        ("ROADSTEAD_PORT_5000_TCP_ADDR", "10.0.0.1"),
        ("ROADSTEAD_METRICS_SERVICE_HOST", "10.0.0.2"),
    ];
    with_environment(&links).unwrap();
}

#[test]
fn the_proxy_protocol_is_expected_of_proxies_that_are_named() {
    let text = "[[listeners]]\naddress = \"127.0.0.1:5000\"\nproxy_protocol = true\n";
    insta::assert_snapshot!(refused(text), @"roadstead.toml:3:18: [[listeners]] proxy_protocol: needs network.trusted_proxies: the addresses of the proxies whose word counts");
    let text = format!("{text}[network]\ntrusted_proxies = [\"10.0.0.2\"]\n");
    let config = with_file(&text, &[]).unwrap().config;
    assert!(config.listeners[0].proxy_protocol);
}

#[test]
fn plain_http_leaves_the_machine_only_when_told_so() {
    let text = "[[listeners]]\naddress = \"0.0.0.0:5000\"\n";
    insta::assert_snapshot!(refused(text), @"roadstead.toml:2:11: [[listeners]] address: plain HTTP on 0.0.0.0:5000 would carry passwords readable over the network; set tls_certificate and tls_private_key, or set allow_plain_http = true for this listener if a proxy in front of it does the TLS");
    with_file(&format!("{text}allow_plain_http = true\n"), &[]).unwrap();
    for loopback in ["127.1.2.3:5000", "[::1]:5000", "[::ffff:127.0.0.1]:5000"] {
        with_file(&format!("[[listeners]]\naddress = \"{loopback}\"\n"), &[]).unwrap();
    }
    let flags = Flags {
        listen: vec!["[::]:5000".parse().unwrap()],
        ..Flags::default()
    };
    let problems = load_from(&flags, &environment(&[]))
        .unwrap_err()
        .to_string();
    assert!(
        problems.starts_with("--listen: plain HTTP on [::]:5000 would"),
        "{problems}"
    );
}

#[test]
fn tls_needs_both_files_and_they_must_be_there() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("certificate.pem");
    std::fs::write(&file, "").unwrap();
    let listener =
        format!("[[listeners]]\naddress = \"0.0.0.0:443\"\ntls_certificate = {file:?}\n");
    insta::assert_snapshot!(refused(&listener).replace(&dir.path().display().to_string(), "DIR"), @"roadstead.toml:3:19: [[listeners]] tls_certificate: needs tls_private_key beside it");
    let missing = format!("{listener}tls_private_key = \"/nowhere/key.pem\"\n");
    insta::assert_snapshot!(refused(&missing), @"roadstead.toml:4:19: [[listeners]] tls_private_key: cannot open /nowhere/key.pem: No such file or directory (os error 2)");
    let complete = format!("{listener}tls_private_key = {file:?}\n");
    let config = with_file(&complete, &[]).unwrap().config;
    assert_eq!(config.listeners[0].tls.as_ref().unwrap().private_key, file);
}

#[test]
fn no_two_sockets_get_one_address() {
    let text = "[[listeners]]\naddress = \"127.0.0.1:5001\"\n\
                [[listeners]]\naddress = \"127.0.0.1:7\"\n\
                [[listeners]]\naddress = \"0.0.0.0:7\"\nallow_plain_http = true\n";
    insta::assert_snapshot!(refused(text), @"
    roadstead.toml:6:11: [[listeners]] address: 0.0.0.0:7 is already taken by another listener
    [metrics] address: 127.0.0.1:5001 is already taken by a listener; metrics need their own
    ");
    let free = "[metrics]\naddress = \"127.0.0.1:0\"\n[[listeners]]\naddress = \"127.0.0.1:0\"\n";
    with_file(free, &[]).unwrap();
    with_file("[metrics]\naddress = \"\"\n", &[]).unwrap();
}

#[test]
fn urls_and_names_are_checked() {
    let text = "[registry]\nexternal_url = \"registry.example.com\"\nservice_name = \"my \\\"own\\\"\"\n\
                token_lifetime_secs = 59\n[traces]\notlp_endpoint = \"http://\"\n";
    insta::assert_snapshot!(refused(text), @r#"
    roadstead.toml:2:16: [registry] external_url: "registry.example.com" must start with http:// or https://
    roadstead.toml:3:16: [registry] service_name: must be 1 to 255 visible ASCII characters other than space, " and \
    roadstead.toml:4:23: [registry] token_lifetime_secs: 59 is out of range: write a number from 60 to 86400
    roadstead.toml:6:17: [traces] otlp_endpoint: "http://" has no host; write it as in "http://127.0.0.1:4318/v1/traces"
    "#);
    insta::assert_snapshot!(refused("[registry]\nexternal_url = \"https://a.example/registry\"\n"), @r#"roadstead.toml:2:16: [registry] external_url: "https://a.example/registry" is more or less than scheme, host and port; write it as in "https://registry.example.com""#);
    let text = "[registry]\nexternal_url = \"https://a.example:8443/\"\n";
    let url = with_file(text, &[]).unwrap().config.registry.external_url;
    assert_eq!(url.as_deref(), Some("https://a.example:8443"));
}

#[test]
fn the_first_password_is_kept_out_of_what_may_be_logged_or_shown() {
    let loaded = with_environment(&[("ROADSTEAD_ADMIN_PASSWORD", "correct horse")]).unwrap();
    assert_eq!(
        loaded.config.admin_password.as_ref().unwrap().expose(),
        "correct horse"
    );
    assert!(!format!("{loaded:?}").contains("correct"));
    assert!(!loaded.settings.to_toml().contains("correct"));
}

#[test]
fn the_password_of_the_database_is_shown_nowhere() {
    let url = "postgres://roadstead:hunter2@localhost:5433/roadstead";
    let text = format!("[database]\nurl = \"{url}\"\nread_url = \"{url}\"\n");
    let loaded = with_file(&text, &[]).unwrap();
    assert!(loaded.config.database.postgres.is_some());
    let toml = loaded.settings.to_toml();
    assert!(
        toml.contains("url = \"postgres://roadstead@localhost:5433/roadstead\""),
        "{toml}"
    );
    assert!(!format!("{toml}{:?}", loaded.config).contains("hunter2"));
    // Nor when something about it is wrong.
    let weak = format!("[database]\nurl = \"{url}?sslmode=prefer\"\n");
    insta::assert_snapshot!(refused(&weak), @"roadstead.toml:2:7: [database] url: sslmode=prefer does not prove who the server is; write sslmode=verify-full, with sslrootcert=FILE if its certificate is signed by an authority of your own");
    let variable = (
        "ROADSTEAD_DATABASE__URL",
        "db.example.com/d?password=hunter2",
    );
    insta::assert_snapshot!(refused_variables(&[variable]), @r#"ROADSTEAD_DATABASE__URL: does not begin with postgres://; write it as in "postgres://roadstead@db.example.com:5432/roadstead""#);
}

#[test]
fn a_database_elsewhere_is_reached_by_tls_that_is_checked() {
    let url = |url: &str| refused(&format!("[database]\nurl = \"{url}\"\n"));
    insta::assert_snapshot!(url("postgres://u@db.example.com/d?sslmode=disable"), @"roadstead.toml:2:7: [database] url: sslmode=disable would send everything readable over the network; write sslmode=verify-full, with sslrootcert=FILE if the server's certificate is signed by an authority of your own");
    let no_authority = url("postgres://u@db.example.com/d?sslrootcert=/nowhere.pem");
    assert!(no_authority.contains("/nowhere.pem"), "{no_authority}");
    let no_password = refused("[database]\npassword_file = \"/nowhere\"\n");
    assert!(
        no_password.contains("cannot open /nowhere"),
        "{no_password}"
    );
    assert!(no_password.contains("needs url beside it"), "{no_password}");
}
