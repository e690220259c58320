use super::*;

#[test]
fn a_server_is_killed_and_comes_back_with_what_was_committed() -> Result<(), Error> {
    let mut postgres = Postgres::start()?;
    let url = postgres.create_database("kept")?;
    assert_eq!(url, postgres.url_of("kept"));
    postgres.psql(
        "kept",
        "CREATE TABLE t (n BIGINT); INSERT INTO t VALUES (7)",
    )?;
    let port = postgres.port();
    postgres.kill();
    assert!(postgres.psql("kept", "SELECT n FROM t").is_err());
    postgres.restart()?;
    assert_eq!(postgres.port(), port);
    assert_eq!(postgres.psql("kept", "SELECT n FROM t")?, "7\n");
    postgres.stop()?;
    assert!(postgres.psql("kept", "SELECT 1").is_err());
    postgres.restart()?;
    assert_eq!(postgres.psql("kept", "SELECT n FROM t")?, "7\n");
    Ok(())
}

#[test]
fn tests_share_a_server_and_have_databases_of_their_own() -> Result<(), Error> {
    let shared = Postgres::shared();
    shared.create_database("first")?;
    shared.psql("first", "CREATE TABLE t (n BIGINT)")?;
    shared.copy_database("first", "second")?;
    shared.psql("second", "SELECT n FROM t")?;
    assert!(shared.psql("postgres", "SELECT n FROM t").is_err());
    assert!(shared.create_database("a; b").is_err());
    assert!(std::ptr::eq(shared, Postgres::shared()));
    Ok(())
}

#[test]
fn nothing_is_left_of_a_server_that_is_dropped() -> Result<(), Error> {
    let postgres = Postgres::start()?;
    let (pid, directory) = (postgres.pid(), postgres.place.path().to_owned());
    assert!(Path::new(&format!("/proc/{pid}")).exists() && directory.exists());
    drop(postgres);
    assert!(!Path::new(&format!("/proc/{pid}")).exists() && !directory.exists());
    Ok(())
}

#[test]
fn a_server_with_tls_refuses_everyone_without() -> Result<(), Error> {
    let postgres = Postgres::builder()
        .tls(&["localhost", "127.0.0.1"])
        .start()?;
    let authority = postgres.certificate_authority().expect("it has TLS");
    let connect = |host: &str, mode: &str| {
        let mut command = Command::new(&postgres.psql);
        command.arg(format!(
            "host={host} port={} user=postgres password={} dbname=postgres sslmode={mode} sslrootcert={}",
            postgres.port,
            postgres.password,
            authority.display()
        ));
        output_of(command.args(["--command=SELECT 1"]))
    };
    connect("localhost", "verify-full")?;
    connect("127.0.0.1", "verify-full")?;
    assert!(connect("127.0.0.1", "disable").is_err());
    Ok(())
}

#[test]
fn data_that_is_kept_is_found_again_with_its_password() -> Result<(), Error> {
    let place = Place::temporary("kept")?;
    let directory = place.path().join("server");
    // PostgreSQL's user must be able to enter.
    Installation::find(Path::new("/"))?.own(place.path())?;
    let mut first = Postgres::builder()
        .directory(&directory)
        .durable()
        .start()?;
    first.psql("postgres", "CREATE TABLE t (n BIGINT)")?;
    let password = first.password.clone();
    first.stop()?;
    drop(first);
    let again = Postgres::builder()
        .directory(&directory)
        .durable()
        .start()?;
    assert_eq!(again.password, password);
    again.psql("postgres", "SELECT n FROM t")?;
    Ok(())
}

#[test]
fn a_paused_server_answers_when_it_goes_on() -> Result<(), Error> {
    let postgres = Postgres::start()?;
    postgres.pause();
    let mut question = Command::new(&postgres.psql)
        .args([
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
            "--username=postgres",
        ])
        .arg(format!("--host={}", postgres.place.path().display()))
        .arg(format!("--port={}", postgres.port))
        .arg("--command=SELECT 7")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .map_err(Error::of("psql"))?;
    assert!(question.try_wait().expect("it is our child").is_none());
    postgres.resume();
    let answer = question.wait_with_output().map_err(Error::of("psql"))?;
    assert_eq!(String::from_utf8_lossy(&answer.stdout), "7\n");
    Ok(())
}

#[test]
fn a_standby_shows_what_the_server_it_follows_was_told() -> Result<(), Error> {
    let postgres = Postgres::start()?;
    let standby = postgres.standby()?;
    assert_eq!(
        standby.psql("postgres", "SELECT pg_is_in_recovery()")?,
        "t\n"
    );
    postgres.psql("postgres", "CREATE TABLE t (n BIGINT)")?;
    let position = postgres.psql("postgres", "SELECT pg_current_wal_lsn()")?;
    let has_come = format!("SELECT pg_last_wal_replay_lsn() >= '{}'", position.trim());
    while standby.psql("postgres", &has_come)? == "f\n" {}
    standby.psql("postgres", "SELECT n FROM t")?;
    assert!(standby.psql("postgres", "DROP TABLE t").is_err());
    Ok(())
}
