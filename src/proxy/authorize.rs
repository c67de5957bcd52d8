//! Whether the caller may: the route's rule, decided anew for every request, remembered token or not.

use super::authenticate::Caller;
use super::plan::RoutePlan;
use super::rejection::{Reason, Rejection};
use crate::policy::{Permit, decide};
use crate::route::Access;

/// Decides the route's rule about `caller`.
pub(super) fn authorize(plan: &RoutePlan, caller: &Caller) -> Result<Permit, Rejection> {
    match (&plan.settings.access, caller) {
        (Access::Anonymous | Access::Optional(_), Caller::Anonymous) => Ok(Permit::anonymous()),
        (Access::Optional(rule) | Access::Required(rule), Caller::Known(known)) => {
            decide(rule, &known.verified.identity).map_err(|_| Reason::PolicyDenied.into())
        }
        // Authentication gives no other pairs; should it ever, nobody gets in.
        (Access::Required(_), Caller::Anonymous) => Err(Reason::CredentialMissing.into()),
        (Access::Anonymous, Caller::Known(_)) => Err(Reason::Internal.into()),
    }
}
