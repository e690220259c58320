//! What the deployment remembers of itself: single values, and the keys that sign access tokens.

use crate::connection::params;
use crate::error::Result;
use crate::{Reader, Tx};

/// A key that signs access tokens.
#[derive(Clone, Debug)]
pub struct SigningKeyRow {
    /// The `kid` of tokens signed with it.
    pub id: String,
    /// The private key, sealed with the deployment's key.
    pub sealed_private: String,
    /// When it was made.
    pub created_at_ms: i64,
}

impl Reader<'_> {
    /// A remembered value.
    pub fn find_deployment_value(&self, name: &str) -> Result<Option<String>> {
        const SQL: &str = "SELECT value FROM deployment WHERE name = ?1";
        self.connection.find(SQL, params![name], |row| row.text(0))
    }

    /// The signing keys, newest first.
    pub fn list_signing_keys(&self) -> Result<Vec<SigningKeyRow>> {
        const SQL: &str = "SELECT id, sealed_private, created_at_ms FROM signing_keys ORDER BY created_at_ms DESC, id DESC";
        self.connection.list(SQL, params![], |row| {
            Ok(SigningKeyRow {
                id: row.text(0)?,
                sealed_private: row.text(1)?,
                created_at_ms: row.int(2)?,
            })
        })
    }

    /// Answers at all: for readiness.
    pub fn probe(&self) -> Result<()> {
        const SQL: &str = "SELECT 1 FROM deployment LIMIT 1";
        self.connection.exists(SQL, params![]).map(drop)
    }
}

impl Tx<'_> {
    /// Remembers a value.
    pub fn put_deployment_value(&mut self, name: &str, value: &str) -> Result<()> {
        const SQL: &str = "INSERT INTO deployment (name, value) VALUES (?1, ?2) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.connection.execute(SQL, params![name, value])?;
        Ok(())
    }

    /// Remembers a value unless there is one already, and answers with the one that is there now.
    pub fn keep_deployment_value(&mut self, name: &str, value: &str) -> Result<String> {
        const SQL: &str = "INSERT INTO deployment (name, value) VALUES (?1, ?2) \
             ON CONFLICT (name) DO UPDATE SET value = deployment.value RETURNING value";
        self.connection
            .get(SQL, params![name, value], |row| row.text(0))
    }

    /// Adds a signing key.
    pub fn create_signing_key(&mut self, key: &SigningKeyRow) -> Result<()> {
        const SQL: &str =
            "INSERT INTO signing_keys (id, sealed_private, created_at_ms) VALUES (?1, ?2, ?3)";
        self.connection.execute(
            SQL,
            params![&key.id, &key.sealed_private, key.created_at_ms],
        )?;
        Ok(())
    }

    /// Removes signing keys made before `before_ms`, except the newest of all.
    pub fn delete_signing_keys(&mut self, before_ms: i64) -> Result<usize> {
        const SQL: &str = "DELETE FROM signing_keys WHERE created_at_ms < ?1 AND id NOT IN \
             (SELECT id FROM signing_keys ORDER BY created_at_ms DESC, id DESC LIMIT 1)";
        self.connection.execute(SQL, params![before_ms])
    }
}
