//! Where randomness comes from, and the secrets that are made of it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::hmac;

use crate::secret::SecretString;

/// A source of unpredictable bytes. The program has one, [`SystemRandom`], made where it starts; tests bring their own.
pub trait Random: Send + Sync {
    /// Fills the whole buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's generator, through AWS-LC.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    /// Panics where the operating system has no randomness to give: nothing that follows would be safe.
    fn fill(&self, buffer: &mut [u8]) {
        aws_lc_rs::rand::fill(buffer).expect("the operating system refuses to give random bytes");
    }
}

/// The same bytes for the same seed: **predictable, for tests only**.
pub struct SeededRandom {
    key: hmac::Key,
    next_block: AtomicU64,
}

impl SeededRandom {
    /// A generator that starts anew for this seed.
    pub fn new(seed: u64) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &seed.to_be_bytes());
        Self {
            key,
            next_block: AtomicU64::new(0),
        }
    }
}

impl fmt::Debug for SeededRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeededRandom").finish_non_exhaustive()
    }
}

impl Random for SeededRandom {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let block = self.next_block.fetch_add(1, Ordering::Relaxed);
            let bytes = hmac::sign(&self.key, &block.to_be_bytes());
            chunk.copy_from_slice(&bytes.as_ref()[..chunk.len()]);
        }
    }
}

/// Letters and digits that are not mistaken for each other when read aloud or copied by hand: no `0 O o`, `1 I l`.
const READABLE: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";
const LETTERS_AND_DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

const PASSWORD_GROUPS: usize = 4;
const PASSWORD_GROUP_LENGTH: usize = 6;
const TOKEN_LENGTH: usize = 40;
const ROBOT_SECRET_LENGTH: usize = 32;

/// A password for a person to copy once: four groups of six readable characters, joined by `-` (139 bits). It passes
/// [`check_new_password`](crate::password::check_new_password).
pub fn generate_password(random: &dyn Random) -> SecretString {
    let characters = sample(READABLE, PASSWORD_GROUPS * PASSWORD_GROUP_LENGTH, random);
    let mut text = String::with_capacity(characters.len() + PASSWORD_GROUPS);
    for (index, character) in characters.expose().chars().enumerate() {
        if index > 0 && index % PASSWORD_GROUP_LENGTH == 0 {
            text.push('-');
        }
        text.push(character);
    }
    SecretString::new(text)
}

/// An opaque secret for a machine: the prefix, then 40 letters and digits (238 bits). The prefix says what it is, so
/// that scanners find a leaked one and no kind passes for another. It satisfies the rule for passwords too.
pub fn generate_token(prefix: &str, random: &dyn Random) -> SecretString {
    let characters = sample(LETTERS_AND_DIGITS, TOKEN_LENGTH, random);
    let mut text = String::with_capacity(prefix.len() + characters.len());
    text.push_str(prefix);
    text.push_str(characters.expose());
    SecretString::new(text)
}

/// A secret of a robot account, as Harbor makes them: 32 letters and digits (190 bits). It satisfies the rule for passwords.
pub fn generate_robot_secret(random: &dyn Random) -> SecretString {
    sample(LETTERS_AND_DIGITS, ROBOT_SECRET_LENGTH, random)
}

/// Characters of the alphabet, each equally likely, drawn again as a whole until upper case, lower case and a digit
/// are among them (that costs less than a tenth of a bit).
fn sample(alphabet: &[u8], length: usize, random: &dyn Random) -> SecretString {
    // Bytes from here on would make the first characters of the alphabet likelier than the others.
    let accepted_below = 256 - 256 % alphabet.len();
    loop {
        let mut text = String::with_capacity(length);
        while text.len() < length {
            let mut bytes = zeroize::Zeroizing::new([0_u8; 64]);
            random.fill(&mut *bytes);
            let accepted = bytes
                .iter()
                .map(|&byte| usize::from(byte))
                .filter(|&byte| byte < accepted_below);
            for byte in accepted.take(length - text.len()) {
                text.push(char::from(alphabet[byte % alphabet.len()]));
            }
        }
        let has = |wanted: fn(&u8) -> bool| text.as_bytes().iter().any(wanted);
        let is_complete =
            has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
        let drawn = SecretString::new(text);
        if is_complete {
            return drawn;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;
    use crate::password::check_new_password;

    #[test]
    fn generated_passwords_pass_the_rule_and_are_readable() {
        let random = SeededRandom::new(1);
        let mut seen = HashSet::new();
        for _ in 0..500 {
            let password = generate_password(&random);
            let text = password.expose();
            assert_eq!(text.len(), 27);
            assert_eq!(check_new_password(text), Ok(()));
            assert!(!text.contains(['0', 'O', 'o', '1', 'I', 'l']), "{text}");
            assert!(seen.insert(text.to_owned()), "drawn twice: {text}");
        }
    }

    #[test]
    fn a_password_is_worth_more_than_128_bits() {
        let characters = f64::from(u32::try_from(READABLE.len()).expect("short"));
        assert!(characters.log2() * 24.0 > 128.0);
        assert_eq!(
            READABLE.iter().collect::<HashSet<_>>().len(),
            READABLE.len()
        );
    }

    #[test]
    fn tokens_carry_their_prefix_and_use_the_whole_alphabet_evenly() {
        let random = SeededRandom::new(2);
        let mut counts: HashMap<char, u32> = HashMap::new();
        for _ in 0..1_000 {
            let token = generate_token("rsd_pat_", &random);
            let secret = token.expose().strip_prefix("rsd_pat_").expect("prefix");
            assert_eq!(secret.len(), TOKEN_LENGTH);
            assert_eq!(check_new_password(token.expose()), Ok(()));
            for character in secret.chars() {
                *counts.entry(character).or_default() += 1;
            }
        }
        // 40,000 characters over 62: 645 each; a modulo bias would give the first eight 25 % more.
        assert_eq!(counts.len(), 62);
        assert!(
            counts.values().all(|count| (520..770).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn a_source_of_bad_luck_is_drawn_from_again() {
        /// Says `A` for the first 64 bytes, then counts.
        struct Unlucky(SeededRandom, AtomicU64);
        impl Random for Unlucky {
            fn fill(&self, buffer: &mut [u8]) {
                if self.1.fetch_add(1, Ordering::Relaxed) == 0 {
                    buffer.fill(0);
                } else {
                    self.0.fill(buffer);
                }
            }
        }
        let password = generate_password(&Unlucky(SeededRandom::new(3), AtomicU64::new(0)));
        assert_eq!(check_new_password(password.expose()), Ok(()));
    }

    #[test]
    fn the_seeded_source_repeats_itself_and_the_systems_does_not() {
        let draw = |random: &dyn Random| {
            let mut bytes = [0; 48];
            random.fill(&mut bytes);
            bytes
        };
        assert_eq!(draw(&SeededRandom::new(7)), draw(&SeededRandom::new(7)));
        assert_ne!(draw(&SeededRandom::new(7)), draw(&SeededRandom::new(8)));
        assert_ne!(draw(&SystemRandom), draw(&SystemRandom));
    }
}
