//! Passwords of people: Argon2id in a bounded pool, and what a new password must look like.
//!
//! One hash takes 19 MiB and some 20 ms of a core, so whoever may ask for hashes may stop the service. Therefore: a
//! fixed number at once, a short waiting line behind them, and [`Busy`] beyond it. The throttle comes before this, a
//! [`TokenCache`](crate::token_cache::TokenCache) of recent successes before both.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore, oneshot};

use crate::random::Random;
use crate::secret::SecretString;
use crate::throttle::RetryAfter;
use crate::token_cache::CacheKey;

/// Longest password that is looked at, in bytes. Longer ones are wrong without being hashed.
pub const MAX_PASSWORD_BYTES: usize = 1_024;

const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_LENGTH: usize = 16;

/// Dearest parameters that a stored hash may ask for: a row that was tampered with must not take all memory.
const MAX_MEMORY_KIB: u32 = 256 * 1_024;
const MAX_PASSES: u32 = 16;
const MAX_LANES: u32 = 8;

/// A hash that no password has, with today's parameters: what verifying for an unknown user is done against.
const DUMMY_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm8gdXNlciBoYXMgaXQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// How far threads that hash stand behind the others, as `nice(2)` counts.
const NICENESS: i32 = 10;

/// All places and the waiting line are taken, or the system has no thread left; ask again in a second (429 or 503 with
/// `Retry-After`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked at once; try again in a second")]
pub struct Busy;

/// Why a password could not be hashed or checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// See [`Busy`].
    #[error(transparent)]
    Busy(#[from] Busy),
    /// Too many wrong ones before it: the [`Gate`] is closed.
    #[error(transparent)]
    Throttled(#[from] RetryAfter),
    /// A password to hash is longer than [`MAX_PASSWORD_BYTES`].
    #[error("a password may have at most 1,024 bytes; choose a shorter one")]
    TooLong,
    /// What is kept for the user is not a hash that this release reads, or asks for absurd amounts of memory.
    #[error("the stored password hash cannot be used; set a new password for this user")]
    StoredHash,
    /// The runtime is shutting down, or hashing panicked.
    #[error("the password could not be checked because the server is stopping; try again")]
    Stopped,
}

/// Hashes and verifies passwords on threads of its own that let others go first, a limited number at once.
pub struct PasswordHasher {
    /// Who may be here at all: those being served and those waiting.
    line: Arc<Semaphore>,
    /// Who is being served.
    places: Arc<Semaphore>,
    /// Verifications under way, for those who ask the same meanwhile.
    under_way: Mutex<HashMap<Flight, Arc<OnceCell<bool>>>>,
    hashes: AtomicU64,
    random: Arc<dyn Random>,
}

/// Asked when it is a password's turn to be checked, before it is hashed.
pub trait Gate: Sync {
    /// Whether it may be.
    ///
    /// # Errors
    /// When to try again.
    fn admit(&self) -> Result<(), RetryAfter>;
    /// It was right.
    fn give_back(&self);
}

/// Always open.
impl Gate for () {
    fn admit(&self) -> Result<(), RetryAfter> {
        Ok(())
    }

    fn give_back(&self) {}
}

/// One credential against one stored hash.
type Flight = (CacheKey, String);

impl PasswordHasher {
    /// At most `concurrency` hashes at once (each 19 MiB) and `max_waiting` callers behind them.
    pub fn new(concurrency: usize, max_waiting: usize, random: Arc<dyn Random>) -> Self {
        let concurrency = concurrency.clamp(1, Semaphore::MAX_PERMITS / 2);
        let max_waiting = max_waiting.min(Semaphore::MAX_PERMITS / 2);
        Self {
            line: Arc::new(Semaphore::new(concurrency + max_waiting)),
            places: Arc::new(Semaphore::new(concurrency)),
            under_way: Mutex::new(HashMap::new()),
            hashes: AtomicU64::new(0),
            random,
        }
    }

    /// The PHC string to keep (`$argon2id$v=19$m=19456,t=2,p=1$…`), with a fresh salt.
    pub async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        if password.len() > MAX_PASSWORD_BYTES {
            return Err(PasswordError::TooLong);
        }
        let mut salt = [0; SALT_LENGTH];
        self.random.fill(&mut salt);
        self.run(&(), move || {
            argon2id()
                .hash_password_with_salt(password.expose().as_bytes(), &salt)
                .map(|hash| hash.to_string())
                .map_err(|_| PasswordError::StoredHash)
        })
        .await?
    }

    /// Whether the password has this hash. One over the length limit is wrong, whoever's it is.
    pub async fn verify(&self, password: SecretString, phc: &str) -> Result<bool, PasswordError> {
        self.verify_behind(&(), password, phc).await
    }

    async fn verify_behind(
        &self,
        gate: &impl Gate,
        password: SecretString,
        phc: &str,
    ) -> Result<bool, PasswordError> {
        if password.len() > MAX_PASSWORD_BYTES {
            return Ok(false);
        }
        let phc = phc.to_owned();
        let is_right = self.run(gate, move || verify_now(&password, &phc)).await?;
        if is_right == Ok(true) {
            gate.give_back();
        }
        is_right
    }

    /// How often something was hashed so far.
    pub fn hashes(&self) -> u64 {
        self.hashes.load(Ordering::Relaxed)
    }

    /// Takes as long as [`verify`](Self::verify) and is always `false`: for a user who does not exist, is disabled or
    /// has no password, so that time does not tell which.
    pub async fn verify_dummy(
        &self,
        password: SecretString,
        gate: &impl Gate,
    ) -> Result<bool, PasswordError> {
        let checked = self.verify_behind(gate, password, DUMMY_HASH);
        checked.await.map(|_| false)
    }

    /// As [`verify`](Self::verify), but callers who ask the same at the same time share one hash: a build that starts
    /// fifty pulls at once costs one. `key` is the credential's [`TokenCache::key`](crate::TokenCache::key) over the
    /// account, name *and* password.
    pub async fn verify_shared(
        &self,
        key: CacheKey,
        password: SecretString,
        phc: &str,
        gate: &impl Gate,
    ) -> Result<bool, PasswordError> {
        let flight = UnderWay::join(self, (key, phc.to_owned()));
        // Should the caller who hashes go away, the next one takes over.
        flight
            .cell
            .get_or_try_init(|| self.verify_behind(gate, password, phc))
            .await
            .copied()
    }

    /// Whether a stored hash was made with weaker parameters than today's: hash the password anew at the next login,
    /// when it is known.
    pub fn needs_rehash(phc: &str) -> bool {
        let Ok(hash) = PasswordHash::new(phc) else {
            return true;
        };
        let Ok(params) = Params::try_from(&hash) else {
            return true;
        };
        hash.algorithm != Algorithm::Argon2id.ident()
            || hash.version != Some(u32::from(Version::V0x13))
            || params.m_cost() < MEMORY_KIB
            || params.t_cost() < PASSES
            || params.p_cost() != LANES
    }

    /// Runs where blocking is allowed, once there is a place and the gate is open.
    async fn run<T: Send + 'static>(
        &self,
        gate: &impl Gate,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let permits = self.admit().await?;
        gate.admit()?;
        self.hashes.fetch_add(1, Ordering::Relaxed);
        let (done, answer) = oneshot::channel();
        let work = move || {
            give_way();
            let made = work();
            // Held until the work is over, even if the caller is gone: its memory is still in use.
            drop(permits);
            // Nobody waits for it any more if this fails.
            let _ = done.send(made);
        };
        std::thread::Builder::new()
            .name("password".to_owned())
            .spawn(work)
            .map_err(|_| Busy)?;
        answer.await.map_err(|_| PasswordError::Stopped)
    }

    async fn admit(&self) -> Result<[OwnedSemaphorePermit; 2], PasswordError> {
        let in_line = Arc::clone(&self.line)
            .try_acquire_owned()
            .map_err(|_| Busy)?;
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|_| PasswordError::Stopped)?;
        Ok([place, in_line])
    }
}

/// Lets all other threads go first: a hash takes 20 ms of a core, and whoever logs in waits rather than whoever pulls. Beside
/// a core that is never idle it still gets a tenth. (On Linux a priority is the thread's own.)
fn give_way() {
    // Without it a hash is no less right.
    let _ = rustix::process::nice(NICENESS);
}

impl fmt::Debug for PasswordHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHasher")
            .field("free_places", &self.places.available_permits())
            .finish_non_exhaustive()
    }
}

/// A caller's part in a verification that others may share; the last to leave clears the table.
struct UnderWay<'a> {
    hasher: &'a PasswordHasher,
    flight: Flight,
    cell: Arc<OnceCell<bool>>,
}

impl<'a> UnderWay<'a> {
    fn join(hasher: &'a PasswordHasher, flight: Flight) -> Self {
        let mut table = hasher
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let cell = Arc::clone(table.entry(flight.clone()).or_default());
        drop(table);
        Self {
            hasher,
            flight,
            cell,
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut table = self
            .hasher
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Joining takes the same lock: two owners are the table and us.
        if Arc::strong_count(&self.cell) == 2 {
            table.remove(&self.flight);
        }
    }
}

fn argon2id() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("valid parameters");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn verify_now(password: &SecretString, phc: &str) -> Result<bool, PasswordError> {
    let hash = PasswordHash::new(phc).map_err(|_| PasswordError::StoredHash)?;
    let params = Params::try_from(&hash).map_err(|_| PasswordError::StoredHash)?;
    if hash.salt.is_none()
        || hash.hash.is_none()
        || params.m_cost() > MAX_MEMORY_KIB
        || params.t_cost() > MAX_PASSES
        || params.p_cost() > MAX_LANES
    {
        return Err(PasswordError::StoredHash);
    }
    // Parameters, algorithm and salt come from the stored hash; the comparison takes constant time.
    match argon2id().verify_password(password.expose().as_bytes(), &hash) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(_) => Err(PasswordError::StoredHash),
    }
}

/// What is wrong with a proposed password. Harbor's rule, so that its clients and forms keep working.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRejected {
    /// Fewer than 8 characters.
    #[error("the password is too short; use at least 8 characters")]
    TooShort,
    /// More than 128 characters.
    #[error("the password is too long; use at most 128 characters")]
    TooLong,
    /// No `A`-`Z`.
    #[error("the password needs an upper-case letter (A-Z)")]
    NoUpperCase,
    /// No `a`-`z`.
    #[error("the password needs a lower-case letter (a-z)")]
    NoLowerCase,
    /// No `0`-`9`.
    #[error("the password needs a digit (0-9)")]
    NoDigit,
    /// A control character, which HTTP Basic authentication cannot carry (RFC 7617, section 2).
    #[error("the password contains a control character such as a line break; remove it")]
    ControlCharacter,
}

/// Whether a password may be chosen: 8 to 128 characters with an upper-case letter, a lower-case letter and a digit.
pub fn check_new_password(password: &str) -> Result<(), PasswordRejected> {
    // By bytes first, so that a huge text is not counted.
    let characters = if password.len() > MAX_PASSWORD_BYTES {
        usize::MAX
    } else {
        password.chars().count()
    };
    let has = |wanted: fn(&u8) -> bool| password.as_bytes().iter().any(wanted);
    match characters {
        0..8 => Err(PasswordRejected::TooShort),
        129.. => Err(PasswordRejected::TooLong),
        _ if password.contains(char::is_control) => Err(PasswordRejected::ControlCharacter),
        _ if !has(u8::is_ascii_uppercase) => Err(PasswordRejected::NoUpperCase),
        _ if !has(u8::is_ascii_lowercase) => Err(PasswordRejected::NoLowerCase),
        _ if !has(u8::is_ascii_digit) => Err(PasswordRejected::NoDigit),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
