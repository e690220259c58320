//! Images: the manifests of an account with their tags, of many repositories at once.

use crate::Reader;
use crate::artifacts::{is_shown, needed_bytes, whole_bytes};
use crate::connection::{Param, Row};
use crate::error::Result;
use crate::namespace_settings::Listable;
use crate::patterns::{NamespacePart, Parts};
use crate::query::places;
use model::AccountId;

/// A manifest, and one of its tags: it stands in a list as often as it has tags, and once when it has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRow {
    /// The full name of its repository.
    pub repository: String,
    /// Its digest.
    pub digest: String,
    /// Its media type.
    pub media_type: String,
    /// Bytes of itself and of everything that it needs; of an index, also of what its children need.
    pub size_bytes: i64,
    /// When it was pushed.
    pub pushed_at_ms: i64,
    /// A tag that points at it.
    pub tag: Option<String>,
}

/// Which images are wanted, by whether a tag points at them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tagged {
    /// All.
    #[default]
    Any,
    /// Those with a tag.
    Some,
    /// Those without.
    None,
}

/// What a list of images is narrowed by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageFilter {
    /// Names of namespaces; of all when empty.
    pub namespaces: Vec<String>,
    /// Full names of repositories; of all when empty.
    pub repositories: Vec<String>,
    /// Their tags.
    pub tagged: Tagged,
}

fn read_image(row: &Row<'_>) -> Result<ImageRow> {
    Ok(ImageRow {
        repository: row.text(0)?,
        digest: row.text(1)?,
        media_type: row.text(2)?,
        size_bytes: row.int(3)?,
        pushed_at_ms: row.int(4)?,
        tag: row.optional_text(5)?,
    })
}

impl Reader<'_> {
    /// An account's images by repository, digest and tag, at most `limit` rows. As elsewhere a list shows nothing that is
    /// about another manifest, and of the children of indexes only those with a tag of their own. They are those of some
    /// namespaces, and of parts of others.
    pub fn list_images(
        &self,
        account: &AccountId,
        (listable, parts): (Listable<'_>, &[NamespacePart]),
        filter: &ImageFilter,
        limit: i64,
    ) -> Result<Vec<ImageRow>> {
        let mut params = vec![Param::from(account.as_str()), Param::Int(limit)];
        let (condition, values) = listable.condition(params.len());
        params.extend(values);
        let parts = Parts::new(&self.connection, parts);
        let in_parts = parts.condition(&self.connection, &mut params);
        let mut conditions = vec![format!("({condition} OR {in_parts})")];
        for (column, names) in [
            ("n.name", &filter.namespaces),
            ("r.name", &filter.repositories),
        ] {
            if !names.is_empty() {
                let places = places(params.len(), names.len());
                conditions.push(format!("{column} IN ({places})"));
                params.extend(names.iter().map(Param::from));
            }
        }
        match filter.tagged {
            Tagged::Any => {}
            Tagged::Some => conditions.push("t.name IS NOT NULL".to_owned()),
            Tagged::None => conditions.push("t.name IS NULL".to_owned()),
        }
        let sql = format!(
            concat!(
                "SELECT r.name, m.digest, m.media_type, ",
                whole_bytes!(),
                ", m.created_at_ms, t.name FROM repositories r JOIN namespaces n ON n.id = r.namespace_id \
                 JOIN manifests m ON m.repository_id = r.id LEFT JOIN tags t ON t.manifest_id = m.id \
                 WHERE r.account_id = ?1 AND r.is_listed = 1 AND ",
                is_shown!(),
                " AND {} ORDER BY r.name, m.digest, t.name LIMIT ?2"
            ),
            conditions.join(" AND ")
        );
        self.connection.list_once(&sql, &params, read_image)
    }
}
