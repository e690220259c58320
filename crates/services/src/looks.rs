//! What operators see of an account's content, by requests that its administrators granted: each look is an event of the
//! account, written before anything is shown.

use crate::access::{CallerContext, Resource, TokenRights};
use crate::authorizer::Authorizer;
use crate::{Error, Result};
use model::{AccountId, Action, ContentRequestId, Event};

/// One look; at neither a namespace nor a repository for a list over all that the request is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look<'a> {
    pub(crate) request: &'a ContentRequestId,
    pub(crate) account: &'a AccountId,
    pub(crate) action: Action,
    pub(crate) namespace: Option<&'a str>,
    /// By its whole name.
    pub(crate) repository: Option<&'a str>,
}

impl Authorizer {
    /// Writes down what an operator does with a token that it got by a request.
    pub(crate) async fn note_look_by_token(
        &self,
        context: &CallerContext,
        (rights, action): (&TokenRights, Action),
        resource: Resource<'_>,
    ) -> Result<()> {
        let (Some(request), Some(account), Resource::Repository(name)) =
            (&rights.request, &rights.account, resource)
        else {
            return Ok(());
        };
        let look = Look {
            request,
            account,
            action,
            namespace: Some(name.namespace()),
            repository: Some(name.as_str()),
        };
        self.note_look(context, look).await
    }

    /// Writes a look down. When that is not possible nothing is shown.
    pub(crate) async fn note_look(&self, context: &CallerContext, look: Look<'_>) -> Result<()> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let event = Event::ContentSeen {
            content_request: look.request.as_str().to_owned(),
            action: look.action.as_str().to_owned(),
            repository: owned(look.repository),
            namespace: owned(look.namespace),
        };
        let (core, account) = (self.core.clone(), look.account.clone());
        let context = context.clone();
        let written = self.core.metadata.write(move |tx| {
            let caller = &context.authenticated.caller;
            core.record_for(tx, &event, &account, (caller, &context.origin))?;
            Ok::<_, Error>(())
        });
        written.await
    }
}
