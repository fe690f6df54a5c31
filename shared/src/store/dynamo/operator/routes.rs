//! The routes as an operator changes them. All rules are one item, and each
//! change names the list that it was made from, so that no rule of another
//! operator's is lost or moved unseen.

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
    /// # Errors
    /// When the store did not answer.
    pub async fn latest_routes(&self) -> Result<Routes, StoreError> {
        self.latest(keys::ROUTES.to_owned()).await?.map_or_else(|| Ok(Routes::default()), read_routes)
    }

    /// Changes the rules, and gives them as they are then. Where another operator
    /// was quicker, `change` is asked again about what there is by then.
    ///
    /// # Errors
    /// When `change` refuses, the store did not answer, or others would not stop
    /// changing the routes.
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
                    // By a try of this request whose answer was lost.
                    if read_routes(item)? == routes {
                        return Ok(routes);
                    }
                }
                UpdateResult::NotFound => {}
            }
        }
        Err(StoreError::Unavailable { action: CHANGE, source: "others changed them each time".into() }.into())
    }

    /// Writes the first rule there is. Where there are rules, or were some that
    /// an operator removed, it does nothing. Says whether it wrote it.
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn begin_routes(&self, first: Route) -> Result<bool, StoreError> {
        if self.latest(keys::ROUTES.to_owned()).await?.is_some() {
            return Ok(false);
        }
        let routes = Routes(vec![first]);
        let update = self.update(keys::ROUTES.to_owned()).set(keys::RULES, write_routes(&routes)?);
        match update.expect_absent(keys::RULES).send(CHANGE).await? {
            UpdateResult::Applied(_) => Ok(true),
            // By a try of this request whose answer was lost, or by another operator just now.
            UpdateResult::Conflict(item) => Ok(read_routes(item)? == routes),
            UpdateResult::NotFound => Ok(false),
        }
    }
}
