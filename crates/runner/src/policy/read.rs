//! How the owner of a machine writes values: addresses, paths, sizes and limits, each checked as it is read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use freehold_environment::endpoint::HostPort;
use freehold_git::Remote;
use freehold_model::{Limit, Limits};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::limits::TOGETHER;

pub(super) fn place<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Remote>, D::Error> {
    remote(deserializer).map(Some)
}

pub(super) fn absolute<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let path = PathBuf::deserialize(deserializer)?;
    match path.is_absolute() {
        true => Ok(path),
        false => Err(D::Error::custom(
            "`from` of local files is an absolute path",
        )),
    }
}

pub(super) fn program<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PathBuf>, D::Error> {
    let path = PathBuf::deserialize(deserializer)?;
    match path.is_absolute() {
        true => Ok(Some(path)),
        false => Err(D::Error::custom(
            "`firecracker` is an absolute path, of its program",
        )),
    }
}

pub(super) fn remote<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Remote, D::Error> {
    Remote::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

pub(super) fn places<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<HostPort>, D::Error> {
    let read = Vec::<String>::deserialize(deserializer)?;
    let read: Result<Vec<HostPort>, String> = read
        .iter()
        .map(|text| HostPort::parse(text).map_err(|why| format!("egress.deny: `{text}`: {why}")))
        .collect();
    read.map_err(D::Error::custom)
}

/// A number as its owner writes it: `4096`, or `"4GiB"`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Number(u64),
    Words(String),
}

pub(super) fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let read = match Value::deserialize(deserializer)? {
        Value::Number(number) => Ok(number),
        Value::Words(words) => Limit::Disk.parse(&words),
    };
    read.map(Some).map_err(D::Error::custom)
}

pub(super) fn values<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Limits, D::Error> {
    let read = BTreeMap::<Limit, Value>::deserialize(deserializer)?;
    let value = |(limit, value): (Limit, Value)| {
        let value = match value {
            Value::Number(number) => number,
            Value::Words(words) => limit.parse(&words)?,
        };
        match value >= limit.least() {
            true => Ok((limit, value)),
            false => Err(format!("{limit} is at least {}", limit.show(limit.least()))),
        }
    };
    let read: Result<Limits, String> = read.into_iter().map(value).collect();
    read.map_err(D::Error::custom)
}

pub(super) fn together<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Limits, D::Error> {
    let limits = values(deserializer)?;
    match limits.keys().find(|limit| !TOGETHER.contains(limit)) {
        None => Ok(limits),
        Some(limit) => Err(D::Error::custom(format!(
            "limits_together: {limit} is for each run alone; together there are {}",
            TOGETHER.map(Limit::id).join(", ")
        ))),
    }
}
