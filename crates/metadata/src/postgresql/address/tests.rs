use super::*;

fn refused(url: &str) -> String {
    PostgresAddress::parse(url, None).expect_err("it is refused")
}

#[test]
fn a_server_on_this_machine_needs_no_tls() -> Result<(), String> {
    for local in [
        "postgres://u:secret@localhost/d",
        "postgres://u:secret@127.0.0.1:5433/d",
        "postgres://u:secret@127.0.0.1,localhost/d?sslmode=disable",
        "postgresql://u:secret@%2Frun%2Fpostgresql/d",
    ] {
        let address = PostgresAddress::parse(local, None)?;
        assert!(address.tls.is_none(), "{local}");
        assert!(!format!("{address} {address:?}").contains("secret"));
    }
    Ok(())
}

#[test]
fn every_other_server_is_checked_in_full() -> Result<(), String> {
    let folder = tempfile::TempDir::new().expect("a directory");
    let file = folder.path().join("ca.pem");
    let authority = rcgen::generate_simple_self_signed(["ca".to_owned()]).expect("a certificate");
    std::fs::write(&file, authority.cert.pem()).expect("it can be written");
    let rootcert = format!("sslrootcert={}", file.display());
    for url in [
        format!("postgres://u@db.example.com/d?{rootcert}"),
        format!("postgres://u@db.example.com/d?{rootcert}&sslmode=verify-full&connect_timeout=3"),
        format!("postgres://u@localhost,10.0.0.1/d?{rootcert}"),
        format!("postgres://u@localhost/d?sslmode=verify-full&{rootcert}"),
    ] {
        let address = PostgresAddress::parse(&url, None)?;
        assert!(address.tls.is_some(), "{url}");
        assert_eq!(address.config.get_ssl_mode(), SslMode::Require);
    }
    Ok(())
}

#[test]
fn what_proves_nothing_is_refused_with_what_to_write() {
    for weak in ["allow", "prefer", "require", "verify-ca", "whatever"] {
        let message = refused(&format!(
            "postgres://u:secret@db.example.com/d?sslmode={weak}"
        ));
        assert!(message.contains("sslmode=verify-full"), "{message}");
        assert!(!message.contains("secret"), "{message}");
        refused(&format!("postgres://u:secret@localhost/d?sslmode={weak}"));
    }
    for far in ["db.example.com", "10.0.0.1", "localhost,db.example.com"] {
        let message = refused(&format!("postgres://u:secret@{far}/d?sslmode=disable"));
        assert!(message.contains("verify-full"), "{message}");
    }
    let message = refused("postgres://u@h/d?sslmode=verify-full&sslrootcert=/nowhere/ca.pem");
    assert!(message.contains("/nowhere/ca.pem"), "{message}");
}

#[test]
fn what_is_no_url_is_refused_without_its_secret() {
    for (wrong, says) in [
        ("mysql://u:secret@h/d", "postgres://"),
        ("host=h password=secret", "postgres://"),
        ("postgres://:secret@h/d", "user"),
        ("postgres://u:secret@h", "database"),
        ("postgres:///d?user=u&password=secret", "host"),
        ("postgres://u:secret@h:port/d", "not understood"),
        ("postgres://u:secret@h/d?colour=red", "not understood"),
    ] {
        let message = refused(wrong);
        assert!(message.contains(says), "{wrong}: {message}");
        assert!(!message.contains("secret"), "{wrong}: {message}");
    }
}

#[test]
fn a_password_from_elsewhere_comes_first() -> Result<(), String> {
    let address = PostgresAddress::parse("postgres://u:first@localhost/d", Some("second"))?;
    assert_eq!(address.config.get_password(), Some(&b"second"[..]));
    Ok(())
}

#[test]
fn a_url_is_shown_without_its_password() {
    for (url, shown) in [
        ("", ""),
        ("postgres://u:secret@h:1/d", "postgres://u@h:1/d"),
        (
            "postgres://u@h/d?sslmode=disable",
            "postgres://u@h/d?sslmode=disable",
        ),
        (
            "postgres://h/d?user=u&password=secret&a=b",
            "postgres://h/d?user=u&a=b",
        ),
        ("postgres://u:sec@ret@h/d", "postgres://u@h/d"),
        ("host=h password=secret", "(hidden)"),
    ] {
        assert_eq!(PostgresAddress::hide_password(url), shown);
    }
}
