use std::sync::Arc;

use chrono::Duration;
use ed25519_dalek::SigningKey;
use freehold_model::world::Clock as _;
use freehold_model::{CardId, Isolation, JobId, Limit, Limits, OrderId, ProjectId, RunId, UserId};
use freehold_wire::link::WrappedKey;
use freehold_wire::order::{AgentSpec, Egress, ProjectRef, Prompt};
use freehold_wire::seal::SealKey;

use super::*;
use crate::fakes::{Counting, Fixed};

struct World {
    vault: Vault,
    key: SigningKey,
    order: Order,
    work: Option<Work>,
    kind: JobKind,
    turn: u32,
    policy: Policy,
}

fn world() -> World {
    let entropy = Arc::new(Counting::default());
    let id = &*entropy;
    let tenant = TenantId::new(&Fixed, id);
    let ours = SealKey::from_seed([4; 32]);
    let sealed = ours.public().seal("content-key/1", &[1; 32], id).unwrap();
    let vault = Vault::new(tenant, entropy.clone());
    vault
        .unwrap_keys(&ours, &[WrappedKey { id: 1, sealed }])
        .unwrap();
    let card = Prompt {
        id: CardId::new(&Fixed, id),
        title: "T".into(),
        body: "B".into(),
    };
    let agent = AgentSpec {
        name: "a".into(),
        driver: "command".into(),
        preset: None,
        command: vec!["true".into()],
        paths: vec![],
        provider: None,
        timeout_s: 1,
        stall_s: 1,
        labels: Default::default(),
        tools: false,
        repository_settings: false,
    };
    let order = Order {
        id: OrderId::new(&Fixed, id),
        tenant,
        run: RunId::new(&Fixed, id),
        by: UserId::new(&Fixed, id),
        at: Fixed.now(),
        expires_at: Fixed.now() + Duration::hours(1),
        project: ProjectRef {
            id: ProjectId::new(&Fixed, id),
            name: "p".into(),
            remote: "https://example.org/a/b".into(),
            target: "main".into(),
            directory: None,
        },
        isolation: Isolation::Sandbox,
        image: None,
        limits: Limits::new(),
        task: Task::Execute(Box::new(Execute {
            card,
            agent,
            turn: 0,
            reply: None,
            parent: None,
        })),
        egress: Egress::None,
    };
    World {
        vault,
        key: SigningKey::from_bytes(&[9; 32]),
        order,
        work: None,
        kind: JobKind::Execute,
        turn: 0,
        policy: Policy::default(),
    }
}

impl World {
    fn offer(&self, signer: &SigningKey) -> Offer {
        let envelope = Envelope::sign(ORDER, &self.order, signer).unwrap();
        let field = if self.kind == JobKind::Land {
            "order/land"
        } else {
            "order/execute"
        };
        let plain = serde_json::to_vec(&envelope).unwrap();
        Offer {
            job: JobId::at(Fixed.now(), [1; 10]),
            run: self.order.run,
            epoch: 1,
            attempt: 1,
            kind: self.kind,
            order: self
                .vault
                .seal(self.order.run, field, self.turn.into(), &plain)
                .unwrap(),
            turn: self.turn,
            work: self.work.clone(),
            transcript: None,
            environment: None,
            known_epoch: None,
        }
    }

    fn admit(&self, offer: &Offer) -> Result<Admitted, String> {
        let door = Door {
            tenant: self.vault.tenant(),
            key: &self.key.verifying_key(),
            vault: &self.vault,
            policy: &self.policy,
            now: Fixed.now(),
        };
        door.admit(offer).map_err(|refused| refused.to_string())
    }

    fn tried(&self) -> Result<Admitted, String> {
        self.admit(&self.offer(&self.key))
    }

    fn land(&mut self) {
        let Task::Execute(task) = &self.order.task else {
            panic!()
        };
        let work = Work {
            base: Some("b".into()),
            commit: "c".into(),
            digest: "d".into(),
            epoch: 1,
        };
        self.order.task = Task::Land(Land {
            card: task.card.clone(),
            commit: "c".into(),
            base: Some("b".into()),
            digest: "d".into(),
            approved_by: "Ann".into(),
        });
        self.kind = JobKind::Land;
        self.work = Some(work);
    }
}

fn says(result: Result<Admitted, String>, words: &str) {
    let refused = result.expect_err("it was let in");
    assert!(refused.contains(words), "{refused}");
}

#[test]
fn a_signed_order_is_let_in() {
    let mut world = world();
    assert!(matches!(world.tried().unwrap().task, Admission::Execute(_)));
    world.land();
    assert!(matches!(world.tried().unwrap().task, Admission::Land(..)));
}

#[test]
fn another_signer_another_seal_or_altered_bytes_stay_out() {
    let world = world();
    says(
        world.admit(&world.offer(&SigningKey::from_bytes(&[8; 32]))),
        "no valid signature",
    );
    let mut altered = world.offer(&world.key);
    altered.order[40] ^= 1;
    says(world.admit(&altered), "does not open");
    let mut turned = world.offer(&world.key);
    turned.turn = 1;
    says(world.admit(&turned), "does not open");
}

#[test]
fn another_run_tenant_turn_or_kind_and_an_expired_order_stay_out() {
    let mut other = world();
    let offer = other.offer(&other.key);
    other.order.run = RunId::at(Fixed.now(), [9; 10]);
    let swapped = Offer {
        run: offer.run,
        order: {
            let envelope = Envelope::sign(ORDER, &other.order, &other.key).unwrap();
            let plain = serde_json::to_vec(&envelope).unwrap();
            other
                .vault
                .seal(offer.run, "order/execute", 0, &plain)
                .unwrap()
        },
        ..offer
    };
    says(other.admit(&swapped), "another run");

    let mut tenant = world();
    tenant.order.tenant = TenantId::at(Fixed.now(), [9; 10]);
    says(tenant.tried(), "another tenant");

    let mut turn = world();
    turn.turn = 3;
    says(turn.tried(), "another turn");

    let mut kind = world();
    kind.kind = JobKind::Land;
    says(kind.tried(), "another kind");

    let mut late = world();
    late.order.expires_at = Fixed.now();
    says(late.tried(), "expired");
}

#[test]
fn only_the_work_that_was_approved_is_landed() {
    for change in [
        |work: &mut Work| work.commit = "x".into(),
        |work: &mut Work| work.base = None,
        |work: &mut Work| work.digest = "x".into(),
    ] {
        let mut world = world();
        world.land();
        change(world.work.as_mut().unwrap());
        says(world.tried(), "not what was approved");
    }
    let mut none = world();
    none.land();
    none.work = None;
    says(none.tried(), "not what was approved");
}

#[test]
fn the_machine_s_own_policy_has_the_last_word() {
    let rules = |text: &str| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("policy.toml");
        std::fs::write(&path, text).unwrap();
        Policy::load(&path)
    };
    let mut world = world();
    let mut with = |text: &str| {
        world.policy = rules(text).unwrap();
        world.tried()
    };
    with("").unwrap();
    with("remotes = ['https://example.org/a/b']\ndrivers = ['command']\ncommands = ['true']")
        .unwrap();
    says(with("remotes = ['https://example.org/a']"), "remote");
    says(
        with("remotes = ['https://example.org/a/b.evil', 'https://example.org/a/bb']"),
        "remote",
    );
    says(with("drivers = ['acp']"), "driver");
    says(with("commands = ['/bin/true']"), "program");
    world.order.image = Some("/srv/images/debian".into());
    let mut with = |text: &str| {
        world.policy = rules(text).unwrap();
        world.tried()
    };
    says(with(""), "image_paths = [\"/srv/images/debian\"]");
    says(with("image_paths = ['/srv/image']"), "has not named it");
    // Nothing at all is no folder, and not this one either.
    says(
        with("image_paths = ['', '.', 'srv/images']"),
        "has not named it",
    );
    with("image_paths = ['/srv/images']").unwrap();
    with("image_paths = ['/srv/images/debian']").unwrap();
    world.order.image = Some("/srv/images/../secret".into());
    world.policy = rules("image_paths = ['/srv/images']").unwrap();
    says(world.tried(), "has not named it");
    world.order.image = Some("debian@sha256:0".into());
    world.policy = Policy::default();
    world.tried().unwrap();
    assert!(rules("limits_required = true").unwrap().limits_required());
    assert!(!rules("").unwrap().limits_required());
    assert!(rules("isolatoin = 'sandbox'").is_err());
    assert!(rules("isolation = 'moat'").is_err());
    assert!(rules("[limits]\nmoat = 1").is_err());
    assert!(rules("[limits]\nmemory = '1 moat'").is_err());
    assert!(rules("[limits]\ntasks = 1").is_err(), "nothing could start");
    let limits = rules("[limits]\nmemory = '2GiB'\ntasks = 500\ncpu = '1.5'").unwrap();
    let wanted = [
        (Limit::Memory, 2 << 30),
        (Limit::Tasks, 500),
        (Limit::Cpu, 1500),
    ];
    assert_eq!(*limits.limits(), Limits::from(wanted));
    assert_eq!(*limits.limits_together(), Limits::new());
    let together = rules("[limits_together]\ndisk = '2GiB'\ntasks = 500").unwrap();
    let wanted = [(Limit::Disk, 2 << 30), (Limit::Tasks, 500)];
    assert_eq!(*together.limits_together(), Limits::from(wanted));
    let alone = rules("[limits_together]\noutput = '1GiB'");
    assert!(
        alone
            .unwrap_err()
            .to_string()
            .contains("for each run alone")
    );
}

#[test]
fn a_run_without_a_sandbox_needs_the_word_of_the_machine_s_owner() {
    let rules = |text: &str| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("policy.toml");
        std::fs::write(&path, text).unwrap();
        Policy::load(&path).unwrap()
    };
    let mut world = world();
    let mut tried = |policy: Policy, asked: Isolation| {
        world.policy = policy;
        world.order.isolation = asked;
        world.tried()
    };
    for plain in [Isolation::None, Isolation::Worktree] {
        let line = format!("isolation = \"{plain}\"");
        says(tried(Policy::default(), plain), &line);
        says(tried(rules("drivers = ['command']"), plain), &line);
        tried(rules(&line), plain).unwrap();
    }
    says(
        tried(rules("isolation = 'worktree'"), Isolation::None),
        "isolation = \"none\"",
    );
    tried(rules("isolation = 'none'"), Isolation::Sandbox).unwrap();
    for strong in [Isolation::Sandbox, Isolation::Container, Isolation::Vm] {
        tried(Policy::default(), strong).unwrap();
    }
    says(
        tried(rules("isolation = 'vm'"), Isolation::Container),
        "demands `vm`",
    );
    tried(rules("isolation = 'vm'"), Isolation::Vm).unwrap();
}
