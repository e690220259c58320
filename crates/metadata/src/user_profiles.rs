//! What people say of themselves.

use crate::connection::params;
use crate::error::Result;
use crate::{Reader, Tx};
use model::UserId;

/// What a user says of itself, or an administrator of it. Empty where nothing was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserProfile {
    /// Its address for mail.
    pub email: String,
    /// Its name among people.
    pub real_name: String,
    /// A remark.
    pub comment: String,
    /// When this was last changed; 0 for never.
    pub updated_at_ms: i64,
}

impl Reader<'_> {
    /// What a user says of itself.
    pub fn find_user_profile(&self, user: &UserId) -> Result<UserProfile> {
        const SQL: &str =
            "SELECT email, real_name, comment, updated_at_ms FROM user_profiles WHERE user_id = ?1";
        let found = self.connection.find(SQL, params![user.as_str()], |row| {
            Ok(UserProfile {
                email: row.text(0)?,
                real_name: row.text(1)?,
                comment: row.text(2)?,
                updated_at_ms: row.int(3)?,
            })
        })?;
        Ok(found.unwrap_or_default())
    }
}

impl Tx<'_> {
    /// Writes what a user says of itself.
    pub fn put_user_profile(&mut self, user: &UserId, profile: &UserProfile) -> Result<()> {
        const SQL: &str = "INSERT INTO user_profiles (user_id, email, real_name, comment, updated_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (user_id) DO UPDATE SET email = excluded.email, \
             real_name = excluded.real_name, comment = excluded.comment, updated_at_ms = excluded.updated_at_ms";
        self.connection.execute(
            SQL,
            params![
                user.as_str(),
                &profile.email,
                &profile.real_name,
                &profile.comment,
                profile.updated_at_ms
            ],
        )?;
        Ok(())
    }
}
