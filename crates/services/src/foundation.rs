//! What the services are built on, put together first.

use crate::authentication::Authenticator;
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::network_gate::NetworkGate;
use crate::numbers::KnownNumbers;
use crate::policy::Policy;
use crate::tokens::Tokens;
use crate::traffic::Traffic;
use crate::{Parts, Result, first_start};
use keys::{DeploymentKey, LoginThrottle, PasswordHasher, Random, TokenCache};
use std::sync::Arc;

/// Callers who wait for each place of the password hasher.
const WAITING_PER_PLACE: usize = 16;

/// What the services of people and content share.
pub(crate) struct Foundation {
    pub(crate) core: Arc<Core>,
    pub(crate) key: Arc<DeploymentKey>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) authorizer: Arc<Authorizer>,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) authenticator: Authenticator,
    pub(crate) passwords: Arc<PasswordHasher>,
}

impl Foundation {
    pub(crate) async fn lay(parts: Parts) -> Result<Self> {
        let Parts {
            metadata,
            blobs,
            key,
            clock,
            ids,
            random,
            settings,
            passwords_at_once,
            throttle,
        } = parts;
        let remembered = TokenCache::new(settings.remembered_credentials, &*random);
        let throttle = LoginThrottle::new(throttle, &*random);
        let at_once = passwords_at_once.get();
        let passwords = Arc::new(PasswordHasher::new(
            at_once,
            at_once * WAITING_PER_PLACE,
            random.clone(),
        ));
        let key = Arc::new(key);
        let core = Arc::new(Core {
            metadata,
            blobs,
            clock,
            ids,
            settings,
            known_numbers: KnownNumbers::default(),
        });
        first_start::require_key(&core, &key).await?;
        let policy = Arc::new(Policy::new(core.clone()));
        let traffic = Arc::new(Traffic::new(core.clone()));
        let network = NetworkGate::new(core.clone(), traffic.clone());
        let authorizer = Arc::new(Authorizer::new(core.clone(), policy.clone(), network));
        let tokens = Arc::new(Tokens::load(core.clone(), key.clone(), random.clone()).await?);
        let authenticator = Authenticator::new(
            core.clone(),
            tokens.clone(),
            key.clone(),
            passwords.clone(),
            throttle,
            remembered,
        );
        Ok(Self {
            core,
            key,
            random,
            policy,
            authorizer,
            traffic,
            tokens,
            authenticator,
            passwords,
        })
    }
}
