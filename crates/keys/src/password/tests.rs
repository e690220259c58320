use std::future::Future;
use std::sync::mpsc;
use std::task::{Context, Waker};

use super::*;
use crate::random::SystemRandom;
use crate::token_cache::TokenCache;

fn hasher(concurrency: usize, max_waiting: usize) -> PasswordHasher {
    PasswordHasher::new(concurrency, max_waiting, Arc::new(SystemRandom))
}

fn secret(text: &str) -> SecretString {
    SecretString::new(text)
}

fn key(text: &str) -> CacheKey {
    TokenCache::<()>::new(1, &crate::random::SeededRandom::new(1)).key(&[text.as_bytes()])
}

/// Argon2id with the least it can do: for tests about anything but its strength.
fn cheap_hash(password: &str) -> String {
    let params = Params::new(8, 1, 1, None).unwrap();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_with_salt(password.as_bytes(), b"0123456789abcdef")
        .unwrap()
        .to_string()
}

fn is_pending<F: Future>(future: std::pin::Pin<&mut F>) -> bool {
    future
        .poll(&mut Context::from_waker(Waker::noop()))
        .is_pending()
}

#[tokio::test]
async fn hashing_lets_everybody_else_go_first() {
    let priority = || rustix::process::getpriority_process(None).unwrap();
    let usual = priority();
    let of_hashing = hasher(1, 0).run(&(), priority).await.unwrap();
    assert_eq!(
        (of_hashing, priority()),
        ((usual + NICENESS).min(19), usual)
    );
}

#[tokio::test]
async fn a_password_is_verified_against_its_hash_and_no_other() {
    let hasher = hasher(2, 10);
    let phc = hasher.hash(secret("Correct1")).await.unwrap();
    assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
    assert_eq!(hasher.verify(secret("Correct1"), &phc).await, Ok(true));
    assert_eq!(hasher.verify(secret("correct1"), &phc).await, Ok(false));
    assert_eq!(hasher.verify(secret(""), &phc).await, Ok(false));
    let again = hasher.hash(secret("Correct1")).await.unwrap();
    assert_ne!(phc, again, "salts differ");
    assert!(!PasswordHasher::needs_rehash(&phc));
}

#[tokio::test]
async fn nul_colons_and_other_scripts_are_part_of_a_password() {
    let hasher = hasher(1, 10);
    for password in ["a:b:c", "a\0b", "пароль", " spaces "] {
        let phc = cheap_hash(password);
        assert_eq!(hasher.verify(secret(password), &phc).await, Ok(true));
        let cut = &password[..password.len() - password.chars().next_back().unwrap().len_utf8()];
        assert_eq!(hasher.verify(secret(cut), &phc).await, Ok(false));
    }
}

#[tokio::test]
async fn an_overlong_password_is_wrong_for_everyone_without_a_hash() {
    // No place at all: whatever hashed would have to wait.
    let hasher = hasher(1, 0);
    let _taken = hasher.admit().await.unwrap();
    let long = "x".repeat(MAX_PASSWORD_BYTES + 1);
    let phc = cheap_hash("x");
    assert_eq!(hasher.verify(secret(&long), &phc).await, Ok(false));
    assert_eq!(hasher.verify_dummy(secret(&long), &()).await, Ok(false));
    assert_eq!(
        hasher.hash(secret(&long)).await,
        Err(PasswordError::TooLong)
    );
}

#[tokio::test]
async fn an_unknown_user_costs_what_a_known_one_does() {
    let hasher = hasher(1, 10);
    assert_eq!(
        hasher.verify_dummy(secret("Correct1"), &()).await,
        Ok(false)
    );
    let real = hasher.hash(secret("Correct1")).await.unwrap();
    let parameters = |phc: &str| {
        let hash = PasswordHash::new(phc).unwrap();
        let params = Params::try_from(&hash).unwrap();
        let sizes = (hash.salt.unwrap().len(), hash.hash.unwrap().len());
        (
            hash.algorithm,
            hash.version,
            params.m_cost(),
            params.t_cost(),
            params.p_cost(),
            sizes,
        )
    };
    let (real, dummy) = (parameters(&real), parameters(DUMMY_HASH));
    assert_eq!(
        (real.0, real.1, real.2, real.3, real.4),
        (dummy.0, dummy.1, dummy.2, dummy.3, dummy.4)
    );
    assert_eq!(real.5.1, dummy.5.1);
}

#[tokio::test]
async fn over_the_waiting_line_callers_are_told_to_come_back() {
    let hasher = hasher(1, 1);
    let phc = cheap_hash("Correct1");
    let place = hasher.admit().await.unwrap();
    let mut waiting = Box::pin(hasher.verify(secret("Correct1"), &phc));
    assert!(is_pending(waiting.as_mut()));
    let refused = hasher.verify(secret("Correct1"), &phc).await;
    assert_eq!(refused, Err(PasswordError::Busy(Busy)));
    assert_eq!(
        hasher.verify_dummy(secret("x"), &()).await,
        refused,
        "nor do strangers get in"
    );
    drop(place);
    assert_eq!(waiting.await, Ok(true));
    assert_eq!(hasher.verify(secret("Correct1"), &phc).await, Ok(true));
}

#[tokio::test]
async fn a_caller_who_leaves_the_line_frees_the_place() {
    let hasher = hasher(1, 1);
    let phc = cheap_hash("Correct1");
    let place = hasher.admit().await.unwrap();
    let mut waiting = Box::pin(hasher.verify(secret("Correct1"), &phc));
    assert!(is_pending(waiting.as_mut()));
    drop(waiting);
    let mut next = Box::pin(hasher.verify(secret("Correct1"), &phc));
    assert!(is_pending(next.as_mut()), "not busy");
    drop(place);
    assert_eq!(next.await, Ok(true));
}

#[tokio::test]
async fn work_under_way_keeps_its_place_when_its_caller_leaves() {
    let hasher = hasher(1, 0);
    let (started, has_started) = tokio::sync::oneshot::channel();
    let (finish, finishes) = mpsc::channel::<()>();
    let mut running = Box::pin(hasher.run(&(), move || {
        started.send(()).unwrap();
        finishes.recv().ok();
    }));
    assert!(is_pending(running.as_mut()));
    has_started.await.unwrap();
    drop(running);
    let refused = hasher.run(&(), || ()).await;
    assert_eq!(refused, Err(PasswordError::Busy(Busy)));
    finish.send(()).unwrap();
    let _free = Arc::clone(&hasher.places).acquire_owned().await.unwrap();
}

#[tokio::test]
async fn the_same_question_at_the_same_time_is_answered_by_one_hash() {
    // One place and no line: a second hash would be refused.
    let hasher = hasher(1, 0);
    let phc = hasher.hash(secret("Correct1")).await.unwrap();
    let ask = || hasher.verify_shared(key("alice Correct1"), secret("Correct1"), &phc, &());
    let answers = tokio::join!(ask(), ask(), ask());
    assert_eq!(answers, (Ok(true), Ok(true), Ok(true)));
    assert!(
        hasher.under_way.lock().unwrap().is_empty(),
        "nothing is kept"
    );
}

#[tokio::test]
async fn different_credentials_or_hashes_do_not_share_an_answer() {
    let hasher = hasher(2, 10);
    let (old, new) = (cheap_hash("Correct1"), cheap_hash("Changed1"));
    let answers = tokio::join!(
        hasher.verify_shared(key("Correct1"), secret("Correct1"), &old, &()),
        hasher.verify_shared(key("wrong"), secret("wrong"), &old, &()),
        hasher.verify_shared(key("Correct1"), secret("Correct1"), &new, &()),
    );
    assert_eq!(answers, (Ok(true), Ok(false), Ok(false)));
}

#[tokio::test]
async fn another_takes_over_from_a_caller_who_leaves() {
    let hasher = hasher(1, 2);
    let phc = cheap_hash("Correct1");
    let place = hasher.admit().await.unwrap();
    let mut first = Box::pin(hasher.verify_shared(key("a"), secret("Correct1"), &phc, &()));
    assert!(is_pending(first.as_mut()));
    let mut second = Box::pin(hasher.verify_shared(key("a"), secret("Correct1"), &phc, &()));
    assert!(is_pending(second.as_mut()));
    drop(first);
    drop(place);
    assert_eq!(second.await, Ok(true));
    assert!(hasher.under_way.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_stored_hash_that_is_broken_or_absurdly_dear_is_an_error() {
    let hasher = hasher(1, 10);
    for phc in [
        "",
        "plain text",
        "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
        "$argon2id$v=19$m=4194304,t=2,p=1$bm8gdXNlciBoYXMgaXQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=19456,t=4000000,p=1$bm8gdXNlciBoYXMgaXQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=19456,t=2,p=1",
    ] {
        let answer = hasher.verify(secret("Correct1"), phc).await;
        assert_eq!(answer, Err(PasswordError::StoredHash), "{phc}");
    }
}

#[test]
fn weaker_parameters_ask_for_a_new_hash() {
    let rest = "$bm8gdXNlciBoYXMgaXQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let needs = |head: &str| PasswordHasher::needs_rehash(&format!("{head}{rest}"));
    assert!(!needs("$argon2id$v=19$m=19456,t=2,p=1"));
    assert!(!needs("$argon2id$v=19$m=65536,t=3,p=1"));
    assert!(needs("$argon2id$v=19$m=4096,t=2,p=1"));
    assert!(needs("$argon2id$v=19$m=19456,t=1,p=1"));
    assert!(needs("$argon2i$v=19$m=19456,t=2,p=1"));
    assert!(needs("$argon2id$v=16$m=19456,t=2,p=1"));
    assert!(PasswordHasher::needs_rehash("nonsense"));
}

#[test]
fn new_passwords_follow_the_rule() {
    let long = |length: usize| format!("Aa1{}", "x".repeat(length - 3));
    for good in [
        "Abcdefg1",
        "Пароль-Aa1",
        &long(128),
        &format!("Aa1{}", "𝄞".repeat(125)),
    ] {
        assert_eq!(check_new_password(good), Ok(()), "{good}");
    }
    for (bad, why) in [
        ("", PasswordRejected::TooShort),
        ("Abcdef1", PasswordRejected::TooShort),
        ("Aé1éé", PasswordRejected::TooShort),
        (&long(129), PasswordRejected::TooLong),
        (&long(10_000_000), PasswordRejected::TooLong),
        ("abcdefg1", PasswordRejected::NoUpperCase),
        ("ABCDEFG1", PasswordRejected::NoLowerCase),
        ("Abcdefgh", PasswordRejected::NoDigit),
        ("Abcdefg1\n", PasswordRejected::ControlCharacter),
        ("Abcd\0efg1", PasswordRejected::ControlCharacter),
    ] {
        assert_eq!(check_new_password(bad), Err(why), "{} bytes", bad.len());
    }
}
