//! The gate before every handler: who asks, and may they.
//!
//! A route comes with who may use it: [`Routes`] takes none without, and what is on no list is refused.
//! The gate reads the credential, asks `model::permission` and hands the caller on; handlers take a
//! [`crate::answer::Member`] from it and decide nothing. The API's description and `docs/permissions.md`
//! are made of the same list.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use freehold_engine::Caller;
use freehold_engine::confirm::Confirms;
use freehold_model::permission::Who;
use freehold_model::{Action, Role, RunnerId, Scope, TenantId};
use freehold_wire::problem::{Code, Problem};
use freehold_wire::token::{Kind, Token};
use serde_json::{Value, json};
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{OpenApi, Required, SecurityRequirement};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::AppState;
use crate::answer::{Answer, Refused, SignedIn, bearer};
use crate::correlation::Correlation;
use crate::once;
use crate::openapi::PREFIX;
use crate::tag;

/// Brings what confirms an act.
const CONFIRMATION: &str = "confirmation";
const ABOUT_CONFIRMATION: &str = "What the `confirmation` of a first try's refusal said, where a person sits behind \
    the token: good once, for five minutes, for the same act on the same state. Tokens that were made for programs \
    need none, but the scope `destroy`; with `ask` they are asked, too.";

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody; what it does wants no token, or one that is in its body and works once.
    Public,
    /// Whoever may do this.
    For(Action),
    /// Runners, with the bearer of their connection.
    Runner,
}

/// A route and who may use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with what varies in braces.
    pub path: String,
    /// Who may use it.
    pub access: Access,
}

/// Routes, each with who may use it.
pub(crate) struct Routes {
    router: OpenApiRouter<AppState>,
    list: Vec<Route>,
}

impl Routes {
    pub(crate) fn new() -> Self {
        Self {
            router: OpenApiRouter::new(),
            list: Vec::new(),
        }
    }

    /// With a route for whoever may do `action`.
    pub(crate) fn on(self, action: Action, routes: UtoipaMethodRouter<AppState>) -> Self {
        self.described(Access::For(action), routes)
    }

    /// With a route for anybody.
    pub(crate) fn public(self, routes: UtoipaMethodRouter<AppState>) -> Self {
        self.described(Access::Public, routes)
    }

    /// With a route that stands in no description: it is between our own programs.
    pub(crate) fn hidden(
        mut self,
        access: Access,
        method: Method,
        path: &str,
        handler: MethodRouter<AppState>,
    ) -> Self {
        self.list.push(Route {
            method,
            path: path.to_owned(),
            access,
        });
        self.router = self.router.route(path, handler);
        self
    }

    fn described(mut self, access: Access, routes: UtoipaMethodRouter<AppState>) -> Self {
        let (schemas, mut paths, handlers) = routes;
        for (path, item) in &mut paths.paths {
            for (method, operation) in operations(item) {
                mark(operation, access);
                if method == Method::POST && matches!(access, Access::For(_)) {
                    takes(operation, once::KEY.as_str(), once::ABOUT);
                }
                self.list.push(Route {
                    method,
                    path: path.clone(),
                    access,
                });
            }
        }
        self.router = self.router.routes((schemas, paths, handlers));
        self
    }

    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.list.extend(other.list);
        self.router = self.router.merge(other.router);
        self
    }

    /// All of them below the API's prefix, described on top of `base`.
    pub(crate) fn below_prefix(mut self, base: OpenApi) -> Self {
        for route in &mut self.list {
            route.path.insert_str(0, PREFIX);
        }
        self.router = OpenApiRouter::with_openapi(base).nest(PREFIX, self.router);
        self
    }

    /// Who may use what.
    pub(crate) fn list(&self) -> &[Route] {
        &self.list
    }

    /// The API's description.
    pub(crate) fn description(&self) -> &OpenApi {
        self.router.get_openapi()
    }

    /// The router, with the gate before each of its routes.
    pub(crate) fn behind_the_gate(self, state: &AppState) -> Router<AppState> {
        let gate = Gate {
            state: state.clone(),
            policy: Arc::new(Policy::of(self.list)),
        };
        let (router, _) = self.router.split_for_parts();
        router.route_layer(axum::middleware::from_fn_with_state(gate, admit))
    }
}

/// The operations of a path, with their methods.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    [
        (Method::GET, &mut item.get),
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Says in the description who may use an operation.
fn mark(operation: &mut Operation, access: Access) {
    let Access::For(action) = access else {
        operation.security = Some(Vec::new());
        return;
    };
    let rule = action.rule();
    // OpenAPI 3.1, 4.8.30: for a scheme that is not OAuth the list names what is required.
    let scopes: Vec<&str> = rule.scopes().map(Scope::name).collect();
    operation.security = Some(vec![SecurityRequirement::new("bearer", scopes)]);
    let mut said = vec![
        ("x-freehold-action", json!(rule.word)),
        ("x-freehold-roles", roles(rule.who)),
    ];
    if let Some(scope) = rule.scope {
        said.push(("x-freehold-scope", json!(scope.name())));
    }
    if rule.confirmed {
        said.push(("x-freehold-confirmed", json!(true)));
        takes(operation, CONFIRMATION, ABOUT_CONFIRMATION);
    }
    let extensions = operation.extensions.get_or_insert_with(Extensions::default);
    extensions.merge(said.into_iter().collect());
}

/// Says in the description that an operation takes a header, or none.
fn takes(operation: &mut Operation, header: &str, about: &str) {
    let parameter = ParameterBuilder::new()
        .name(header)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build();
    operation
        .parameters
        .get_or_insert_default()
        .push(parameter.into());
}

/// The roles that may, the most first; `reviewer` is whoever has the right to review.
fn roles(who: Who) -> Value {
    let (least, review) = match who {
        Who::AtLeast(role) => (role, None),
        Who::Reviewer => (Role::REVIEWS, Some("reviewer")),
    };
    let roles = Role::ALL.into_iter().rev().filter(|role| *role >= least);
    roles.map(Role::name).chain(review).collect()
}

/// Who may use what, by path and method.
#[derive(Debug)]
struct Policy(BTreeMap<String, Vec<(Method, Access)>>);

impl Policy {
    fn of(list: Vec<Route>) -> Self {
        let mut paths: BTreeMap<String, Vec<(Method, Access)>> = BTreeMap::new();
        for route in list {
            let methods = paths.entry(route.path).or_default();
            methods.push((route.method, route.access));
        }
        Self(paths)
    }

    /// Who may use it; or the methods that there are.
    fn access(&self, path: &str, method: &Method) -> Result<Access, String> {
        // A GET's handler answers a HEAD (RFC 9110, 9.3.2).
        let method = match *method {
            Method::HEAD => &Method::GET,
            ref other => other,
        };
        let methods = self.0.get(path).map(Vec::as_slice).unwrap_or_default();
        let found = methods.iter().find(|(known, _)| known == method);
        found.map(|(_, access)| *access).ok_or_else(|| {
            let names: Vec<&str> = methods.iter().map(|(method, _)| method.as_str()).collect();
            names.join(", ")
        })
    }
}

#[derive(Clone)]
struct Gate {
    state: AppState,
    policy: Arc<Policy>,
}

/// A runner, by the bearer of its connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunnerSession {
    pub(crate) tenant: TenantId,
    pub(crate) runner: RunnerId,
}

async fn admit(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let path = path.map_or("", MatchedPath::as_str).to_owned();
    let access = match gate.policy.access(&path, request.method()) {
        Ok(access) => access,
        Err(allowed) => return not_allowed(&allowed),
    };
    if let Err(refused) = count(&gate.state, access, &request) {
        return refused.into_response();
    }
    let admitted = match access {
        Access::Public => Ok(None),
        Access::For(action) => signed_in(&gate.state, action, &mut request).await.map(Some),
        Access::Runner => runner(&gate.state, &mut request).await.map(|()| None),
    };
    let keyed = admitted.and_then(|who| {
        let Some((caller, action)) = who else {
            return Ok(None);
        };
        let key = once::key(request.method(), action, request.headers())?;
        Ok(key.map(|key| (caller, key)))
    });
    let asked = request.extensions().get::<SignedIn>();
    let asked = asked.map(|signed_in| (signed_in.session.caller.clone(), signed_in.action));
    let asked = asked.map(|(caller, action)| (caller, action, request.uri().path().to_owned()));
    let response = match keyed {
        Ok(None) if request.method().is_safe() => {
            let known = request.headers().get(header::IF_NONE_MATCH).cloned();
            let response = next.run(request).await;
            match known {
                Some(known) => tag::unless_known(&known, response),
                None => response,
            }
        }
        Ok(None) => next.run(request).await,
        Ok(Some((caller, key))) => {
            once::once(&gate.state, &caller, &path, &key, request, next).await
        }
        Err(refused) => return refused.into_response(),
    };
    // What depends on more than the route is refused by the use case: the log says that too.
    if response.status() == StatusCode::FORBIDDEN
        && let Some((caller, action, path)) = asked
    {
        refused(&gate.state, &caller, action, &path).await;
    }
    response
}

/// Writes down that somebody was refused.
async fn refused(state: &AppState, caller: &Caller, action: Action, path: &str) {
    if let Err(error) = state.engine.audit_refused(caller, action, path).await {
        tracing::error!(%error, "a refusal is not in the audit log");
    }
}

/// Counts what can be counted before anybody is looked up.
fn count(state: &AppState, access: Access, request: &Request) -> Answer<()> {
    let address = address(request);
    // What no header can say is no token of ours: it is refused a little later.
    let token = bearer(request.headers()).ok().flatten();
    state.limits.came(address, token)?;
    // What anybody may write to tries a credential of some kind.
    if access == Access::Public && !request.method().is_safe() {
        state.limits.tries(address)?;
    }
    Ok(())
}

/// Where a request comes from, as the connection says.
fn address(request: &Request) -> Option<IpAddr> {
    let connection = request.extensions().get::<ConnectInfo<SocketAddr>>();
    connection.map(|ConnectInfo(address)| address.ip().to_canonical())
}

/// No such method here; or no such route on the list, which lets nobody in.
fn not_allowed(allowed: &str) -> Response {
    let mut response = StatusCode::METHOD_NOT_ALLOWED.into_response();
    if let Ok(allowed) = HeaderValue::from_str(allowed) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}

async fn signed_in(
    state: &AppState,
    action: Action,
    request: &mut Request,
) -> Answer<(Caller, Action)> {
    let token = bearer(request.headers())?
        .ok_or_else(|| Problem::new(Code::Unauthenticated, "the request carries no token"))?;
    let address = address(request);
    let mut session = match state.engine.session(token, address).await {
        Ok(session) => session,
        Err(error) => {
            let refused = Refused::from(error);
            if refused.is(Code::Unauthenticated) {
                state.limits.tries(address)?;
            }
            return Err(refused);
        }
    };
    state.limits.known(&session.caller, action, token)?;
    if action.rule().confirmed {
        let brought = request.headers().get(CONFIRMATION);
        let brought = brought.map(|value| value.to_str().unwrap_or_default().to_owned());
        session.caller.confirms = Confirms::by(session.is_persons, brought);
    }
    let word = request.extensions().get::<Correlation>();
    session.caller.correlation = word.map(|Correlation(word)| word.clone());
    if let Err(refused) = session.caller.require(action) {
        self::refused(state, &session.caller, action, request.uri().path()).await;
        return Err(refused.into());
    }
    let signed_in = SignedIn {
        token: token.to_owned().into(),
        session,
        action,
    };
    let caller = signed_in.session.caller.clone();
    request.extensions_mut().insert(signed_in);
    Ok((caller, action))
}

async fn runner(state: &AppState, request: &mut Request) -> Answer<()> {
    let token = bearer(request.headers())?.and_then(|text| text.parse::<Token>().ok());
    let found = match token.filter(|token| token.kind() == Kind::Session) {
        Some(token) => state.engine.runner_session(&token.hash()).await?,
        None => None,
    };
    let (tenant, runner) =
        found.ok_or_else(|| Problem::new(Code::Unauthenticated, "no such session of a runner"))?;
    request
        .extensions_mut()
        .insert(RunnerSession { tenant, runner });
    Ok(())
}

/// What a handler takes that its route does not give.
pub(crate) fn unguarded() -> Refused {
    tracing::error!("a handler wants to know who asks, and its route lets anybody in");
    Problem::new(Code::Internal, "the server's log says what").into()
}
