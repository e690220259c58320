//! Robot accounts and their secrets.

use super::{AuthenticationFailed, Authenticator, Checked, LAST_USE_EVERY_MS, robot_caller};
use crate::Error;
use crate::robots::secret_hash;
use keys::SecretString;

impl Authenticator {
    /// Robot accounts have random secrets, or those that an administrator chose for a machine: no slow hash. The throttle
    /// counts wrong ones all the same.
    pub(super) async fn check_robot(
        &self,
        name: &str,
        secret: &SecretString,
        now_ms: i64,
    ) -> Result<Checked, AuthenticationFailed> {
        let hash = secret_hash(&self.key, name, secret);
        let found = self
            .core
            .metadata
            .read(|reader| reader.find_robot_by_secret(&hash, now_ms));
        let found = found.await.map_err(Error::from)?;
        let found = found.filter(|(robot, _)| robot.name == name && !robot.is_disabled);
        let Some((robot, secret_until_ms)) = found else {
            return Err(AuthenticationFailed::Wrong);
        };
        if robot.expires_at_ms.is_some_and(|end| end <= now_ms) {
            return Err(AuthenticationFailed::Expired);
        }
        if robot
            .last_used_at_ms
            .is_none_or(|used| used + LAST_USE_EVERY_MS <= now_ms)
        {
            let id = robot.id.clone();
            let touched = self
                .core
                .metadata
                .write_relaxed(move |tx| tx.touch_robot(&id, now_ms));
            touched.await.map_err(Error::from)?;
        }
        let ends = [robot.expires_at_ms, secret_until_ms];
        Ok(Checked {
            expires_at_ms: ends.into_iter().flatten().min(),
            caller: robot_caller(&robot),
            proven_in: None,
        })
    }
}
