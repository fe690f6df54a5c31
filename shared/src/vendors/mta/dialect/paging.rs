//! Paged lists: `{"data":{"rows","page","pageSize","total"}}`. The first page is 0, as in the only hand-written sample
//! on the vendor's pages. Our choice: a page has 25 rows by default, and at most 100.

use std::borrow::Cow;

use serde::Serialize;

use crate::{
    domain::{FieldError, FieldErrorCode as Code},
    formats::{field::keep, json},
};

const DEFAULT_SIZE: usize = 25;
const LARGEST_SIZE: usize = 100;
/// Later pages are empty in any list.
const LAST_PAGE: usize = 1_000_000;

/// Returns a query parameter's value, or the error for an unreadable value.
pub type Lookup<'a> = dyn Fn(&str) -> Result<Option<Cow<'a, str>>, FieldError> + 'a;

/// The page that a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    /// The first page is 0.
    pub page: usize,
    pub size: usize,
}

impl Paging {
    /// Reads `page` and `pageSize`.
    ///
    /// # Errors
    /// All errors in both parameters.
    pub fn read(parameter: &Lookup<'_>) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let paging = Self::read_into(parameter, &mut errors);
        if errors.is_empty() { Ok(paging) } else { Err(errors) }
    }

    pub(super) fn read_into(parameter: &Lookup<'_>, errors: &mut Vec<FieldError>) -> Self {
        let page = keep(number(parameter, "page", 0..=LAST_PAGE), errors).flatten();
        let size = keep(number(parameter, "pageSize", 1..=LARGEST_SIZE), errors).flatten();
        Self { page: page.unwrap_or_default(), size: size.unwrap_or(DEFAULT_SIZE) }
    }

    /// Returns how many rows are on earlier pages.
    #[must_use]
    pub fn skip(self) -> usize {
        self.page * self.size
    }

    /// Returns the rows on this page.
    #[must_use]
    pub fn part<T>(self, list: Vec<T>) -> Vec<T> {
        list.into_iter().skip(self.skip()).take(self.size).collect()
    }
}

fn number(
    parameter: &Lookup<'_>,
    name: &str,
    range: std::ops::RangeInclusive<usize>,
) -> Result<Option<usize>, FieldError> {
    let Some(text) = filled(parameter, name)? else { return Ok(None) };
    // `parse` would accept a sign.
    let number = text.parse().ok().filter(|number| text.bytes().all(|b| b.is_ascii_digit()) && range.contains(number));
    let rule = || format!("must be a number from {} to {}", range.start(), range.end());
    number.map(Some).ok_or_else(|| FieldError::new(name, Code::Malformed, rule()))
}

/// Returns a parameter's value. An empty value counts as absent.
pub(super) fn filled<'a>(parameter: &Lookup<'a>, name: &str) -> Result<Option<Cow<'a, str>>, FieldError> {
    Ok(parameter(name)?.filter(|value| !value.is_empty()))
}

#[derive(Serialize)]
struct Answer<T> {
    success: bool,
    message: &'static str,
    data: T,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<T> {
    rows: Vec<T>,
    page: usize,
    page_size: usize,
    total: usize,
    /// Our own field: present and true if the list leaves out older rows.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    omits_older: bool,
}

/// Writes an answer with data.
pub(super) fn answer(message: &'static str, data: impl Serialize) -> String {
    json::write(&Answer { success: true, message, data })
}

/// Writes a page of a list.
pub(super) fn rows<T: Serialize>(
    message: &'static str,
    rows: Vec<T>,
    paging: Paging,
    total: usize,
    omits_older: bool,
) -> String {
    answer(message, List { rows, page: paging.page, page_size: paging.size, total, omits_older })
}
