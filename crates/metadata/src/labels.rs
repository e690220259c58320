//! Labels, and the manifests that carry them.

use crate::connection::{Param, Row, params};
use crate::error::Result;
use crate::fragments::{Fragment, listed, text_of};
use crate::query::{Field, Kind, ListQuery, ListSource, Listed, list};
use crate::{Reader, Tx};
use model::{AccountId, NamespaceId};

/// A label of an account, or of one namespace of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelRow {
    /// Its identifier.
    pub id: String,
    /// Whose it is.
    pub account_id: AccountId,
    /// The namespace it is of; `None` for one of the whole account.
    pub namespace_id: Option<NamespaceId>,
    /// Its name, one of a kind where it is of.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its colour, as `#A9B6BE`.
    pub color: String,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it was last changed.
    pub updated_at_ms: i64,
}

macro_rules! columns {
    () => {
        "l.id, l.account_id, l.namespace_id, l.name, l.description, l.color, l.created_at_ms, l.updated_at_ms"
    };
}

const FIELDS: &[Field] = &[
    Field {
        name: "name",
        column: "l.name",
        kind: Kind::Text,
    },
    Field {
        name: "description",
        column: "l.description",
        kind: Kind::Text,
    },
    Field {
        name: "color",
        column: "l.color",
        kind: Kind::Text,
    },
    Field {
        name: "creation_time",
        column: "l.created_at_ms",
        kind: Kind::Time,
    },
    Field {
        name: "update_time",
        column: "l.updated_at_ms",
        kind: Kind::Time,
    },
];

fn read_label(row: &Row<'_>) -> Result<LabelRow> {
    Ok(LabelRow {
        id: row.text(0)?,
        account_id: AccountId::new(row.text(1)?),
        namespace_id: row.optional_text(2)?.map(NamespaceId::new),
        name: row.text(3)?,
        description: row.text(4)?,
        color: row.text(5)?,
        created_at_ms: row.int(6)?,
        updated_at_ms: row.int(7)?,
    })
}

impl Reader<'_> {
    /// A label, whoever's it is.
    pub fn find_label(&self, id: &str) -> Result<Option<LabelRow>> {
        const SQL: &str = concat!("SELECT ", columns!(), " FROM labels l WHERE l.id = ?1");
        self.connection.find(SQL, params![id], read_label)
    }

    /// The labels of a namespace, or those of the account itself. Fields: `name`, `description`, `color`,
    /// `creation_time`, `update_time`; by name.
    pub fn list_labels(
        &self,
        account: &AccountId,
        namespace: Option<&NamespaceId>,
        query: &ListQuery,
    ) -> Result<Listed<LabelRow>> {
        let mut params = vec![Param::from(account.as_str())];
        let place = match namespace {
            None => "l.namespace_id IS NULL",
            Some(id) => {
                params.push(Param::from(id.as_str()));
                "l.namespace_id = ?2"
            }
        };
        let source = ListSource {
            columns: columns!(),
            from: format!("labels l WHERE l.account_id = ?1 AND {place}"),
            params,
            fields: FIELDS,
            order: "l.name",
        };
        list(&self.connection, &source, query, read_label)
    }

    /// The labels that some manifests carry: each with the manifest's id, by name, at most `limit` in all.
    pub fn list_labels_of(
        &self,
        manifests: &[&str],
        limit: i64,
    ) -> Result<Vec<(String, LabelRow)>> {
        const SQL: Fragment = listed!(
            [
                "SELECT ",
                columns!(),
                ", c.manifest_id FROM manifest_labels c JOIN labels l ON l.id = c.label_id WHERE c.manifest_id"
            ],
            "?1",
            " ORDER BY l.name, l.id LIMIT ?2",
            ""
        );
        if manifests.is_empty() {
            return Ok(Vec::new());
        }
        let (sql, manifests) = (self.connection.text_of(&SQL), text_of(&manifests)?);
        self.connection
            .list(sql, params![&manifests, limit], |row| {
                Ok((row.text(8)?, read_label(row)?))
            })
    }
}

impl Tx<'_> {
    /// Makes a label.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`](crate::Error::AlreadyExists) when there is one of that name where it is of.
    pub fn create_label(&mut self, label: &LabelRow) -> Result<()> {
        const SQL: &str = "INSERT INTO labels (id, account_id, namespace_id, name, description, color, created_at_ms, \
             updated_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let params = params![
            &label.id,
            label.account_id.as_str(),
            label.namespace_id.as_ref().map(NamespaceId::as_str),
            &label.name,
            &label.description,
            &label.color,
            label.created_at_ms,
            label.updated_at_ms
        ];
        self.connection.execute(SQL, params)?;
        Ok(())
    }

    /// Writes a label's name, description and colour. Says whether it is there.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`](crate::Error::AlreadyExists) when another one has that name.
    pub fn update_label(&mut self, label: &LabelRow, now_ms: i64) -> Result<bool> {
        const SQL: &str = "UPDATE labels SET name = ?2, description = ?3, color = ?4, updated_at_ms = ?5 WHERE id = ?1";
        let params = params![
            &label.id,
            &label.name,
            &label.description,
            &label.color,
            now_ms
        ];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Takes a label away, also from the manifests that carry it. Says whether it was there.
    pub fn delete_label(&mut self, id: &str) -> Result<bool> {
        const SQL: &str = "DELETE FROM labels WHERE id = ?1";
        Ok(self.connection.execute(SQL, params![id])? > 0)
    }

    /// Makes a manifest carry a label. Says whether it did not before.
    ///
    /// # Errors
    /// [`Error::ReferenceViolated`](crate::Error::ReferenceViolated) when one of them is gone.
    pub fn add_manifest_label(&mut self, manifest: &str, label: &str, now_ms: i64) -> Result<bool> {
        const SQL: &str = "INSERT INTO manifest_labels (manifest_id, label_id, created_at_ms) VALUES (?1, ?2, ?3) \
             ON CONFLICT (manifest_id, label_id) DO NOTHING";
        let params = params![manifest, label, now_ms];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Takes a label from a manifest. Says whether it carried it.
    pub fn remove_manifest_label(&mut self, manifest: &str, label: &str) -> Result<bool> {
        const SQL: &str = "DELETE FROM manifest_labels WHERE manifest_id = ?1 AND label_id = ?2";
        Ok(self.connection.execute(SQL, params![manifest, label])? > 0)
    }
}
