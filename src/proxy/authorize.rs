//! Whether the caller may: the route's rule, decided anew for every request, remembered token or not.

use super::authenticate::{Caller, Known};
use super::plan::RoutePlan;
use super::rejection::{Reason, Rejection};
use crate::policy::{Permit, decide};
use crate::route::Access;

/// A caller for whom the route's rule was decided; made only by [`authorize`].
#[derive(Debug)]
pub(super) struct Authorized {
    caller: Caller,
    _permit: Permit,
}

impl Authorized {
    /// The identity, where there is one.
    pub(super) fn known(&self) -> Option<&Known> {
        self.caller.known()
    }
}

/// Decides the route's rule about `caller`.
pub(super) fn authorize(plan: &RoutePlan, caller: Caller) -> Result<Authorized, Rejection> {
    let permit = match (&plan.settings.access, &caller) {
        (Access::Anonymous | Access::Optional(_), Caller::Anonymous) => Permit::anonymous(),
        (Access::Optional(rule) | Access::Required(rule), Caller::Known(known)) => {
            decide(rule, &known.verified.identity).map_err(|_| Reason::PolicyDenied)?
        }
        // Authentication gives no other pairs; should it ever, nobody gets in.
        (Access::Required(_), Caller::Anonymous) => return Err(Reason::CredentialMissing.into()),
        (Access::Anonymous, Caller::Known(_)) => return Err(Reason::Internal.into()),
    };
    Ok(Authorized { caller, _permit: permit })
}
