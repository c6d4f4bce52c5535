//! What is to be done: lines `WHAT KEY=VALUE...`.

use alloc::string::String;

use contracts::spec::archive::archive::{Client, Ready};
use trial::files;
use trial::trouble::Trouble;

pub(crate) const BAD: Trouble = Trouble::Wrong("an order cannot be read");

/// The file of orders.
pub(crate) fn read(archive: Client<Ready>) -> Result<(Client<Ready>, String), Trouble> {
    let (archive, orders) = files::read(archive, "campaign")?;
    let orders = core::str::from_utf8(&orders).map(String::from).map_err(|_| BAD)?;
    Ok((archive, orders))
}

/// A line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order<'a>(&'a str);

impl<'a> Order<'a> {
    pub(crate) fn new(line: &'a str) -> Self {
        Order(line)
    }

    pub(crate) fn what(&self) -> &'a str {
        self.0.split_whitespace().next().unwrap_or("")
    }

    /// The value of `key`.
    pub(crate) fn text(&self, key: &str) -> Result<&'a str, Trouble> {
        let words = self.0.split_whitespace().skip(1).filter_map(|word| word.split_once('='));
        words.into_iter().find(|(word, _)| *word == key).map(|(_, value)| value).ok_or(BAD)
    }

    /// The value of `key`, a number.
    pub(crate) fn number(&self, key: &str) -> Result<u64, Trouble> {
        self.text(key)?.parse().map_err(|_| BAD)
    }
}
