//! Operators' changes to the routes. A single item holds all rules. Each change expects the list behind it,
//! so no other operator's rule is lost or moved unseen.

use super::{
    super::directory::{read_routes, write_routes},
    DynamoDirectory, TRIES, UpdateResult, keys,
};
use crate::{
    domain::{Route, Routes},
    store::StoreError,
};

const CHANGE: &str = "change the routes";

impl DynamoDirectory {
    pub async fn latest_routes(&self) -> Result<Routes, StoreError> {
        self.latest(keys::ROUTES.to_owned()).await?.map_or_else(|| Ok(Routes::default()), read_routes)
    }

    /// Changes the rules and returns them. If another operator was faster, `change` is called again with
    /// the new rules.
    ///
    /// # Errors
    /// Also the error of `change`, and [`StoreError::Unavailable`] if other operators changed the routes on
    /// every attempt.
    pub async fn change_routes<E: From<StoreError>>(
        &self,
        mut change: impl FnMut(&mut Vec<Route>) -> Result<(), E>,
    ) -> Result<Routes, E> {
        for _ in 0..TRIES {
            let item = self.latest(keys::ROUTES.to_owned()).await?.unwrap_or_default();
            let listed = item.get(keys::RULES).cloned();
            let mut routes = read_routes(item)?;
            change(&mut routes.0)?;
            let update = self.update(keys::ROUTES.to_owned()).set(keys::RULES, write_routes(&routes)?);
            let update = match listed {
                None => update.expect_absent(keys::RULES),
                Some(listed) => update.expect(keys::RULES, listed),
            };
            match update.send(CHANGE).await? {
                UpdateResult::Applied(_) => return Ok(routes),
                UpdateResult::Conflict(item) => {
                    // An earlier attempt was applied and its answer lost.
                    if read_routes(item)? == routes {
                        return Ok(routes);
                    }
                }
                UpdateResult::NotFound => {}
            }
        }
        Err(StoreError::Unavailable { action: CHANGE, source: "lost every race to change them".into() }.into())
    }

    /// Writes the first rule, unless rules exist or an operator has removed them. Returns whether the rule
    /// was written.
    pub async fn begin_routes(&self, first: Route) -> Result<bool, StoreError> {
        if self.latest(keys::ROUTES.to_owned()).await?.is_some() {
            return Ok(false);
        }
        let routes = Routes(vec![first]);
        let update = self.update(keys::ROUTES.to_owned()).set(keys::RULES, write_routes(&routes)?);
        match update.expect_absent(keys::RULES).send(CHANGE).await? {
            UpdateResult::Applied(_) => Ok(true),
            // Equal if an earlier attempt's answer was lost, or another operator wrote the same rule.
            UpdateResult::Conflict(item) => Ok(read_routes(item)? == routes),
            UpdateResult::NotFound => Ok(false),
        }
    }
}
