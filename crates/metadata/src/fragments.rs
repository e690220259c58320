//! The only texts that differ between the databases, and why: on SQLite one transaction writes at a time, so nothing it
//! has read can change under it; on PostgreSQL a row that a decision rests on is kept first.
//!
//! A row is kept with `FOR KEY SHARE` where it must not go away (any number of transactions may), and with `FOR UPDATE`
//! where it is about to. **A single `DELETE … WHERE NOT EXISTS …` is not enough:** it looks at the other table before it
//! waits for the row. Keep the row with one statement, look again with the next.
//!
//! The one other reason are many rows as one parameter, a JSON array, which each database unfolds in its own words: see
//! [`listed`], `removals` and `seal_events`.

use crate::error::{Error, Result};
use serde::Serialize;

/// One question, in the words of each database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fragment {
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

/// The same question, with a lock where locks are needed.
macro_rules! keeping {
    ($sql:literal, $lock:literal) => {
        Fragment {
            sqlite: $sql,
            postgres: concat!($sql, $lock),
        }
    };
}

/// What comes before is one of the texts of a JSON array; then what comes after, and a lock where locks are needed.
macro_rules! listed {
    ([$($before:tt)*], $place:literal, $after:literal, $lock:literal) => {
        Fragment {
            sqlite: concat!($($before)*, " IN (SELECT value FROM json_each(", $place, "))", $after),
            postgres: concat!(
                $($before)*,
                " = ANY (ARRAY(SELECT json_array_elements_text(CAST(",
                $place,
                " AS TEXT)::json)))",
                $after,
                $lock
            ),
        }
    };
}
pub(crate) use listed;

/// Many values as one parameter.
pub(crate) fn text_of(values: &impl Serialize) -> Result<String> {
    serde_json::to_string(values)
        .map_err(|error| Error::Database(format!("a list cannot be written: {error}")))
}

/// A manifest that is needed must not be deleted meanwhile.
pub(crate) const KEEP_MANIFEST: Fragment = keeping!(
    "SELECT id FROM manifests WHERE repository_id = ?1 AND digest = ?2",
    " FOR KEY SHARE"
);

/// Whether a namespace has rules or locks must not change while something in it moves or goes; and the other way round.
pub(crate) const KEEP_PROTECTION: Fragment = keeping!(
    "SELECT n.id, n.protection, n.reads_labels FROM repositories r JOIN namespaces n ON n.id = r.namespace_id WHERE r.id = ?1",
    " FOR KEY SHARE OF n"
);

/// See [`KEEP_PROTECTION`].
pub(crate) const TAKE_PROTECTION: Fragment =
    keeping!("SELECT 1 FROM namespaces WHERE id = ?1", " FOR UPDATE");

/// A manifest that a decision about another rests on must not be tagged, or named by an index, meanwhile.
pub(crate) const TAKE_GUARD: Fragment = keeping!(
    "SELECT id, digest, subject_digest FROM manifests WHERE repository_id = ?1 AND digest = ?2",
    " FOR UPDATE"
);

/// A tag that is about to be moved or deleted must not move meanwhile.
pub(crate) const TAKE_TAG: Fragment = keeping!(
    "SELECT m.digest FROM tags t JOIN manifests m ON m.id = t.manifest_id WHERE t.repository_id = ?1 AND t.name = ?2",
    " FOR UPDATE OF t"
);

/// A manifest that is about to be deleted must not be tagged, or named by an index, meanwhile.
pub(crate) const TAKE_MANIFEST: Fragment = keeping!(
    "SELECT id, media_type, content, subject_digest, created_at_ms FROM manifests WHERE repository_id = ?1 AND digest = ?2",
    " FOR UPDATE"
);

/// A blob that a manifest will need must stay known to its repository.
pub(crate) const KEEP_MEMBERSHIP: Fragment = keeping!(
    "SELECT b.storage, b.size_bytes FROM repository_blobs k \
     JOIN blobs b ON b.storage = k.storage AND b.digest = k.digest \
     WHERE k.repository_id = ?1 AND k.digest = ?2 AND b.quarantined_at_ms IS NULL",
    " FOR KEY SHARE OF k"
);

/// The object that holds a digest's bytes must not be condemned before the rows that rely on it are there.
pub(crate) const KEEP_BLOB: Fragment = keeping!(
    "SELECT location FROM blobs WHERE storage = ?1 AND digest = ?2 AND quarantined_at_ms IS NULL",
    " FOR KEY SHARE"
);

/// Uploads to be ended must not be gone on with meanwhile; another replica that ends them is not waited for.
pub(crate) const TAKE_EXPIRED_UPLOADS: Fragment = keeping!(
    "SELECT id FROM uploads WHERE expires_at_ms <= ?3 \
     AND (lease_owner IS NULL OR lease_until_ms <= ?3 OR (?2 = 1 AND lease_owner <> ?1)) \
     ORDER BY expires_at_ms LIMIT ?4",
    " FOR UPDATE SKIP LOCKED"
);

/// The count that is about to be changed by what it is.
pub(crate) const TAKE_ACCOUNT_BLOB: &str =
    "SELECT 1 FROM account_blobs WHERE account_id = ?1 AND digest = ?2 FOR UPDATE";

/// A lease that is about to end must not become lasting meanwhile.
pub(crate) const TAKE_LEASE: &str =
    "SELECT 1 FROM repository_blobs WHERE repository_id = ?1 AND digest = ?2 FOR UPDATE";

/// A blob that is about to be collected must not be referred to meanwhile.
pub(crate) const TAKE_BLOB: &str =
    "SELECT 1 FROM blobs WHERE storage = ?1 AND digest = ?2 FOR UPDATE";

/// Something in the trash that is about to be restored, or to go for good.
pub(crate) const TAKE_TRASH: &str =
    "SELECT 1 FROM trash_items WHERE account_id = ?1 AND id = ?2 FOR UPDATE";

/// One transaction at a time, in all replicas, does what has this number; until its end.
pub(crate) const TAKE_TURN: &str = "SELECT pg_advisory_xact_lock(?1)";
