//! What one transaction at a time may do, of all that any replica runs.

use crate::Tx;
use crate::connection::params;
use crate::error::Result;
use crate::fragments;

/// Something that two transactions must not do at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Making what a new deployment begins with.
    FirstStart,
    /// Making and forgetting signing keys.
    SigningKeys,
    /// Beginning a backup, or thinning them out.
    Backups,
    /// Taking somebody the power over an account: two that do it at once could leave it without anybody.
    Administrators,
    /// Numbering and chaining events, and purging them.
    Sealing,
    /// Looking at what accounts store, and closing months.
    Usage,
}

impl Turn {
    /// The number by which the database knows it; the upper half is ours among all users of such numbers.
    fn number(self) -> i64 {
        const OURS: i64 = 0x524f_4144 << 32;
        match self {
            Self::FirstStart => OURS + 1,
            Self::SigningKeys => OURS + 2,
            Self::Backups => OURS + 3,
            Self::Administrators => OURS + 4,
            Self::Sealing => OURS + 5,
            Self::Usage => OURS + 6,
        }
    }
}

impl Tx<'_> {
    /// Waits until no other transaction is doing this, and keeps others waiting until this one ends. What it asks from
    /// then on, it sees as the one before left it.
    pub fn take_turn(&mut self, turn: Turn) -> Result<()> {
        self.connection
            .keep(fragments::TAKE_TURN, params![turn.number()])?;
        Ok(())
    }
}
