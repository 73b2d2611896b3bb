//! How much a run may move: in total and per host. What is used up is said with its numbers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::policy::Refusal;

/// The most that a run may move through one proxy. All of it is counted at the proxy: what TLS and
/// HTTP add is part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budgets {
    /// Bytes from the run, to all hosts together.
    pub up: u64,
    /// Bytes to the run, from all hosts together.
    pub down: u64,
    /// Bytes from the run to one host.
    pub host_up: u64,
    /// Bytes from one host to the run.
    pub host_down: u64,
    /// Requests and tunnels that the policy let through.
    pub connections: u64,
}

impl Budgets {
    /// Setup sends requests, a few MB; this leaves room for a test that uploads, and bounds what a
    /// hijacked program carries out.
    pub const UP: u64 = 1 << 30;
    /// The largest toolchains and model files of real projects have some 10 GiB.
    pub const DOWN: u64 = 64 << 30;
    /// Half of all: one host is not the whole way out.
    pub const HOST_UP: u64 = Self::UP / 2;
    /// As [`Budgets::HOST_UP`].
    pub const HOST_DOWN: u64 = Self::DOWN / 2;
    /// A large `npm ci` without a cache makes some 3,000 requests.
    pub const CONNECTIONS: u64 = 100_000;
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            up: Self::UP,
            down: Self::DOWN,
            host_up: Self::HOST_UP,
            host_down: Self::HOST_DOWN,
            connections: Self::CONNECTIONS,
        }
    }
}

/// Which budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Budget {
    /// [`Budgets::up`].
    Up,
    /// [`Budgets::down`].
    Down,
    /// [`Budgets::host_up`].
    HostUp,
    /// [`Budgets::host_down`].
    HostDown,
    /// [`Budgets::connections`].
    Connections,
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "bytes sent",
            Self::Down => "bytes received",
            Self::HostUp => "bytes sent to one host",
            Self::HostDown => "bytes received from one host",
            Self::Connections => "connections",
        })
    }
}

#[derive(Debug, Default)]
struct Ways {
    up: AtomicU64,
    down: AtomicU64,
}

/// What was used of the budgets of one proxy. Hosts beyond the bound share one budget, so that many
/// names are no way around it.
#[derive(Debug)]
pub(super) struct Meter {
    budgets: Budgets,
    all: Ways,
    connections: AtomicU64,
    hosts: Mutex<BTreeMap<String, Arc<Ways>>>,
    hosts_max: usize,
    others: Arc<Ways>,
}

impl Meter {
    pub(super) fn new(budgets: Budgets, hosts_max: usize) -> Self {
        Self {
            budgets,
            all: Ways::default(),
            connections: AtomicU64::new(0),
            hosts: Mutex::default(),
            hosts_max,
            others: Arc::default(),
        }
    }

    /// Counts a connection to a host, unless a budget is used up already.
    pub(super) fn admit(self: &Arc<Self>, host: &str) -> Result<Tab, Refusal> {
        let Budgets {
            up,
            down,
            host_up,
            host_down,
            connections,
        } = self.budgets;
        let tab = Tab {
            meter: Arc::clone(self),
            host: self.host(host),
        };
        for (budget, spent, limit) in [
            (Budget::Up, &self.all.up, up),
            (Budget::Down, &self.all.down, down),
            (Budget::HostUp, &tab.host.up, host_up),
            (Budget::HostDown, &tab.host.down, host_down),
        ] {
            let used = spent.load(Ordering::Relaxed);
            if used >= limit {
                return Err(Refusal::Budget {
                    budget,
                    limit,
                    used,
                });
            }
        }
        if take(&self.connections, connections, 1) == 0 {
            let (limit, used) = (connections, connections);
            return Err(Refusal::Budget {
                budget: Budget::Connections,
                limit,
                used,
            });
        }
        Ok(tab)
    }

    fn host(&self, host: &str) -> Arc<Ways> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ways) = hosts.get(host) {
            return Arc::clone(ways);
        }
        if hosts.len() >= self.hosts_max {
            return Arc::clone(&self.others);
        }
        Arc::clone(hosts.entry(host.to_owned()).or_default())
    }
}

/// One connection's place in the budgets.
pub(super) struct Tab {
    meter: Arc<Meter>,
    host: Arc<Ways>,
}

impl Tab {
    /// Takes bytes from the run; gives how many may pass. Fewer than asked means: these, then no more.
    pub(super) fn up(&self, bytes: u64) -> Result<u64, (u64, Refusal)> {
        let Budgets { up, host_up, .. } = self.meter.budgets;
        both(
            (&self.meter.all.up, up, Budget::Up),
            (&self.host.up, host_up, Budget::HostUp),
            bytes,
        )
    }

    /// As [`Tab::up`], for bytes to the run.
    pub(super) fn down(&self, bytes: u64) -> Result<u64, (u64, Refusal)> {
        let Budgets {
            down, host_down, ..
        } = self.meter.budgets;
        both(
            (&self.meter.all.down, down, Budget::Down),
            (&self.host.down, host_down, Budget::HostDown),
            bytes,
        )
    }
}

type Line<'a> = (&'a AtomicU64, u64, Budget);

/// Takes from both budgets what both have. `Err` holds what may still pass, and what is used up.
fn both(all: Line<'_>, host: Line<'_>, bytes: u64) -> Result<u64, (u64, Refusal)> {
    let refusal = |(_, limit, budget): Line<'_>| Refusal::Budget {
        budget,
        limit,
        used: limit,
    };
    let first = take(host.0, host.1, bytes);
    let second = take(all.0, all.1, first);
    // What the second would not give was not used of the first.
    host.0.fetch_sub(first - second, Ordering::Relaxed);
    match (first < bytes, second < first) {
        (_, true) => Err((second, refusal(all))),
        (true, _) => Err((second, refusal(host))),
        _ => Ok(second),
    }
}

/// Adds as much of `bytes` as there is room for below `limit`; gives how much that was.
fn take(spent: &AtomicU64, limit: u64, bytes: u64) -> u64 {
    let before = spent
        .try_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            Some(used + bytes.min(limit.saturating_sub(used)))
        })
        .unwrap_or(limit);
    bytes.min(limit.saturating_sub(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(budgets: Budgets) -> Arc<Meter> {
        Arc::new(Meter::new(budgets, 2))
    }

    fn small() -> Budgets {
        Budgets {
            up: 10,
            down: 100,
            host_up: 6,
            host_down: 60,
            connections: 5,
        }
    }

    #[test]
    fn a_budget_is_used_to_its_last_byte_and_named() {
        let meter = meter(small());
        let (a, b) = (meter.admit("a").unwrap(), meter.admit("b").unwrap());
        assert_eq!(a.up(4), Ok(4));
        let used = |budget, limit| Refusal::Budget {
            budget,
            limit,
            used: limit,
        };
        assert_eq!(a.up(4), Err((2, used(Budget::HostUp, 6))));
        assert_eq!(b.up(5), Err((4, used(Budget::Up, 10))));
        assert_eq!(b.down(60), Ok(60));
        assert_eq!(a.down(41), Err((40, used(Budget::Down, 100))));
        let text = meter.admit("c").err().unwrap().to_string();
        assert!(
            text.contains("bytes sent") && text.contains("10 of 10"),
            "{text}"
        );
    }

    #[test]
    fn connections_are_counted_and_many_names_are_one() {
        let meter = meter(small());
        for host in ["a", "b", "c", "d"] {
            meter.admit(host).unwrap();
        }
        assert_eq!(meter.admit("e").unwrap().up(6), Ok(6));
        let refused = meter.admit("a").err();
        let (budget, limit, used) = (Budget::Connections, 5, 5);
        assert_eq!(
            refused,
            Some(Refusal::Budget {
                budget,
                limit,
                used
            })
        );
    }

    #[test]
    fn hosts_beyond_the_bound_share_a_budget() {
        let meter = meter(small());
        let [_a, _b, c, d] = ["a", "b", "c", "d"].map(|host| meter.admit(host).unwrap());
        assert_eq!(c.up(6), Ok(6));
        assert!(d.up(1).is_err());
    }
}
