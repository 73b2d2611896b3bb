//! Step 3: one turn with the agent, inside, with its output as it comes.

use std::path::{Path, PathBuf};

use freehold_agents::{
    AgentConfig, AgentError, Driver, Endpoint, Helper, Inside, Launch, Session, Token, drive, plan,
};
use freehold_git::{BranchName, Oid};
use freehold_model::Reason;
use freehold_sandbox::{Mount, Spec, Stdin};
use freehold_wire::order::{AgentSpec, Egress};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::ear::Ear;
use super::moved::{self, Moved};
use super::stage::Staged;
use super::{Desk, Step, archive, card, installed, instructions};
use crate::broker::{Broker, Door, bodies};
use crate::failure::{Halt, because, chain};
use crate::places::Places;
use crate::process;
use crate::provider::{self, ModelWay};
use crate::report::Report;
use crate::surroundings::{self, Git, WayOut};

/// The card, among the agent's things.
const CARD: &str = "card.json";
/// What the built-in agent's program is called there.
const HELPER: &str = "agent";
/// Events that wait for us; small, so that a flooding agent waits too.
const EVENTS: usize = 16;

/// What is left of a turn.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    pub(super) session: Option<Session>,
    pub(super) version: Option<String>,
    /// What the agent pushed last to the run's own branch: the run's ref is there.
    pub(super) pushed: Option<Oid>,
    /// Where its git was told last that the target is.
    pub(super) shown: Option<Oid>,
}

pub(super) async fn agent(
    desk: &Desk<'_>,
    staged: &Staged,
    step: &mut Step<'_>,
) -> Result<Spoken, Halt> {
    let Desk {
        report,
        order,
        task,
        ..
    } = desk;
    let context = &report.context;
    let objects = staged.store.objects();
    let places = Places::of(&report.walls, &staged.folder, &objects);
    let moved = moved::show(desk, staged).await?;
    let mut config = config(&task.agent)?;
    let paths = installed::complete(context, &mut config, &task.agent.paths).await?;
    let model = match &task.agent.provider {
        Some(provider) => Some(provider::open(context, provider, places.ports.model).await?),
        None => None,
    };
    let way = match order.egress {
        Egress::Open => Some(surroundings::open_way_out(context.site(), &places)?),
        Egress::None | Egress::Registries => None,
    };
    let tools = surroundings::tools(context.site(), &places, &paths).await?;
    let path = surroundings::path(context.site(), &tools, &places);
    let start = surroundings::start(&places.workspace, &order.project);
    let inside = inside(context, &places, start, installed::path(&config, path));
    let endpoint = model.as_ref().map(|model| Endpoint {
        base_url: format!("http://127.0.0.1:{}", model.port.port),
        token: Token::new(model.token.clone()),
    });
    let launch =
        plan(&config, &inside, endpoint.as_ref(), staged.session.as_ref()).map_err(refused)?;
    for file in &launch.home_files {
        archive::place(&staged.folder.home, &file.path, &file.bytes, 0o600)?;
    }
    let mut spec = surroundings::spec(
        context.site(),
        &tools,
        &staged.folder,
        &objects,
        &places,
        Git::Write,
    );
    surroundings::describe(&mut spec, order);
    surroundings::describe_models(&mut spec, task.agent.provider.as_ref());
    start_as(&mut spec, &launch);
    furnish(
        &mut spec,
        &places,
        card::file(desk, moved.as_ref()),
        &context.agent_helper.program,
    );
    surroundings::connect(&mut spec, way.as_ref());
    spec.ports
        .extend(model.as_ref().map(|model| model.port.clone()));
    let tip = staged.tip.clone();
    let broker = Broker::open(report, door(desk, staged)?, tip, places.ports.broker)?;
    spec.ports.push(broker.port.clone());
    let result = converse(desk, staged, &launch, &spec, moved.as_ref(), step).await;
    let (pushed, shown) = broker.close().await;
    let spoken = finish(report, model, way, result).await?;
    Ok(Spoken {
        pushed,
        shown,
        ..spoken
    })
}

/// What the agent's own git may see and change.
fn door(desk: &Desk<'_>, staged: &Staged) -> Result<Door, Halt> {
    Ok(Door {
        store: staged.store.clone(),
        target: BranchName::parse(&desk.order.project.target)?,
        from: staged.from.clone(),
        moved: staged.moved.clone(),
        claimed: staged.claimed.clone(),
        folder: bodies(&staged.dir),
        local: staged.local.clone(),
    })
}

/// Closes the ways out and says what went through them.
async fn finish(
    report: &Report,
    model: Option<ModelWay>,
    way: Option<WayOut>,
    result: Result<Spoken, Halt>,
) -> Result<Spoken, Halt> {
    let told = surroundings::close(report, "agent", way).await;
    if let Some(model) = model {
        let used = model.grant.close().await;
        let meta = json!({
            "requests": used.requests, "input_tokens": used.input_tokens,
            "output_tokens": used.output_tokens, "errors": used.errors,
        });
        report.state("agent.usage", meta, None).await?;
    }
    let result = result?;
    told.map(|_| result)
}

fn config(agent: &AgentSpec) -> Result<AgentConfig, Halt> {
    let unknown = |what: String| Halt::failed(Reason::OrderRefused, what);
    let provider = agent.provider.as_ref();
    let preset = agent.preset.as_deref().map(str::parse).transpose();
    let kind = provider
        .map(|provider| serde_json::from_value(json!(provider.kind)))
        .transpose();
    Ok(AgentConfig {
        driver: agent
            .driver
            .parse::<Driver>()
            .map_err(|error| unknown(chain(&error)))?,
        preset: preset.map_err(|error: AgentError| unknown(chain(&error)))?,
        command: agent.command.clone(),
        model: provider.and_then(|provider| provider.model.clone()),
        provider_kind: kind
            .map_err(|_| unknown("the provider's kind is not known to this runner".into()))?,
        tools: agent.tools,
    })
}

fn inside(
    context: &crate::context::Context,
    places: &Places,
    start: PathBuf,
    path: String,
) -> Inside {
    Inside {
        workspace: places.workspace.clone(),
        start,
        home: places.home.clone(),
        card_file: places.things.join(CARD),
        path,
        helper: Helper {
            program: places.program(&context.agent_helper.program, HELPER),
            args: context.agent_helper.args.clone(),
            mcp_args: context.agent_helper.mcp_args.clone(),
        },
    }
}

/// A configuration that cannot be planned.
fn refused(error: AgentError) -> Halt {
    because(Reason::AgentFailed, &error)
}

/// What an agent alone finds inside: its card, and the program of the built-in agent.
pub(crate) fn furnish(spec: &mut Spec, places: &Places, card: Vec<u8>, helper: &Path) {
    spec.mounts.push(Mount::File {
        contents: card,
        target: places.things.join(CARD),
    });
    spec.mounts.push(Mount::ReadOnly {
        source: helper.to_owned(),
        target: places.program(helper, HELPER),
    });
}

/// The agent's own program in place of a shell.
pub(crate) fn start_as(spec: &mut Spec, launch: &Launch) {
    spec.program = launch.program.clone().into();
    spec.args = launch.args.iter().map(Into::into).collect();
    for (name, value) in &launch.env {
        spec.env.insert(name.into(), value.into());
    }
    spec.cwd.clone_from(&launch.cwd);
    spec.stdin = match launch.stdin {
        Stdin::Null => Stdin::Null,
        Stdin::Piped => Stdin::Piped,
    };
}

fn over(limit: &str, tail: &str) -> Halt {
    let said = match tail.is_empty() {
        true => String::new(),
        false => format!("\nIts last output:\n{tail}"),
    };
    Halt::failed(Reason::Limit, format!("the agent {limit}{said}"))
}

async fn converse(
    desk: &Desk<'_>,
    staged: &Staged,
    launch: &Launch,
    spec: &Spec,
    moved: Option<&Moved>,
    step: &mut Step<'_>,
) -> Result<Spoken, Halt> {
    let Desk { report, task, .. } = desk;
    let (mut child, watch) = process::start(report, spec, "agent")
        .await
        .map_err(process::not_started)?;
    let (events, heard) = mpsc::channel(EVENTS);
    let cancel = CancellationToken::new();
    let mut turn = card::turn(task, moved);
    if staged.session.is_none() {
        let target = staged.moved.as_ref().or(staged.base.as_ref());
        turn.instructions = instructions::read(desk, &staged.store, target).await?;
    }
    let mut ear = Ear::new(report, &task.agent, &watch.flow, cancel.clone());
    let driving = async {
        let driven = drive(
            launch,
            &mut child,
            &turn,
            staged.session.as_ref(),
            &events,
            &cancel,
        )
        .await;
        drop(events);
        driven
    };
    let both = Box::pin(async { tokio::join!(driving, ear.listen(heard)) });
    let driven = tokio::select! {
        (driven, ()) = both => Some(driven),
        // Somebody else's by now, or over a limit: it is not asked, it is killed.
        () = report.stop.fenced().cancelled() => None,
        () = watch.over() => None,
    };
    let concluded = match driven {
        Some(driven) => ear.conclude(driven, step),
        None => {
            child.kill().await?;
            Err(Halt::Stopped)
        }
    };
    let tail = ear.last_output();
    drop(ear);
    let exit = child.wait().await?;
    match (concluded, watch.end(report, &exit)) {
        (Err(Halt::Failed(_)), Some(limit)) => Err(over(&limit, &tail)),
        (Err(Halt::Stopped), Some(limit)) if report.stop.why().is_none() => {
            Err(over(&limit, &tail))
        }
        (concluded, _) => concluded,
    }
}
