//! The cluster as a whole: status, nodes, the backend.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use axum::response::Response;
use pontoon_doctor::CHECKS;
use pontoon_model::api::{Code, Failure};
use pontoon_model::name::{NameError, NodeName};
use pontoon_model::object::{Kind, Outcome, OutcomeResult};
use pontoon_model::rest::{BackendChoice, CordonRequest, path};

use super::objects::one;
use crate::api::operation::{Context, Operation, Shape};
use crate::api::query::CHECK;
use crate::api::{openapi, reply};

pub(super) fn operations() -> Vec<Operation> {
    let base = |method, path: &str, id: &str, summary: &str| Operation {
        method,
        path: path.to_owned(),
        id: id.to_owned(),
        summary: summary.to_owned(),
        kind: None,
        query: &[],
        body: None,
        answers: vec![(200, Shape::Named("ObjectOutcome"))],
        handler: |context| Box::pin(status(context)),
    };
    vec![
        Operation {
            answers: vec![(200, Shape::Anything)],
            handler: |_| Box::pin(async { Ok(reply::json(StatusCode::OK, &openapi::document())) }),
            ..base(Method::GET, path::OPENAPI, "getOpenApi", "This document.")
        },
        Operation {
            answers: vec![(200, Shape::Named("Status"))],
            ..base(
                Method::GET,
                path::STATUS,
                "getStatus",
                "What the daemon knows of itself, its cluster and its pods, and what is wrong.",
            )
        },
        Operation {
            query: &[CHECK],
            answers: vec![(200, Shape::Named("Report"))],
            handler: |context| Box::pin(doctor(context)),
            ..base(
                Method::GET,
                path::DOCTOR,
                "getDoctor",
                "What is wrong with the node and its cluster, why it hurts, and what mends it.",
            )
        },
        Operation {
            answers: vec![(200, Shape::Named("Mesh"))],
            handler: |context| Box::pin(mesh(context)),
            ..base(
                Method::GET,
                path::MESH,
                "getMesh",
                "How well nodes reach each other: this node's measurements, and what the others told of theirs.",
            )
        },
        Operation {
            body: Some(Shape::Named("TraceQuestion")),
            answers: vec![(200, Shape::Named("Trace"))],
            handler: |context| Box::pin(trace(context)),
            ..base(
                Method::POST,
                path::TRACE,
                "trace",
                "How a packet goes: names, services, rules, routes, and where it ends. Only with `live` is one really sent.",
            )
        },
        Operation {
            body: Some(Shape::Named("BackendChoice")),
            answers: vec![(200, Shape::Named("BackendChoice"))],
            handler: |context| Box::pin(set_backend(context)),
            ..base(
                Method::PUT,
                path::BACKEND,
                "setBackend",
                "Changes how packets cross hosts, on the running cluster.",
            )
        },
        Operation {
            handler: |context| Box::pin(remove(context)),
            ..base(
                Method::DELETE,
                "/v1/nodes/{name}",
                "removeNode",
                "Frees everything that a node holds that is gone for good.",
            )
        },
        Operation {
            body: Some(Shape::Optional("CordonRequest")),
            handler: |context| Box::pin(cordon(context)),
            ..base(
                Method::POST,
                "/v1/nodes/{name}/cordon",
                "cordonNode",
                "Keeps new pods from a node; those that it has stay.",
            )
        },
        Operation {
            handler: |context| Box::pin(uncordon(context)),
            ..base(
                Method::POST,
                "/v1/nodes/{name}/uncordon",
                "uncordonNode",
                "Lets new pods to a node again.",
            )
        },
    ]
}

async fn status(context: Context) -> Result<Response, Failure> {
    Ok(reply::json(StatusCode::OK, &(context.api.parts.status)()))
}

async fn doctor(context: Context) -> Result<Response, Failure> {
    let check = context.query.text(&CHECK);
    if let Some(name) = check.filter(|name| CHECKS.iter().all(|check| check.name != *name)) {
        let known: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
        return Err(Failure::new(
            Code::Decode,
            format!("there is no check {name:?}"),
            format!("there are {}", known.join(", ")),
        )
        .of_field(CHECK.name));
    }
    let report = (context.api.parts.doctor)().await;
    let report = match check {
        Some(name) => report.only(name),
        None => report,
    };
    Ok(reply::json(StatusCode::OK, &report))
}

async fn mesh(context: Context) -> Result<Response, Failure> {
    Ok(reply::json(StatusCode::OK, &(context.api.parts.mesh)()))
}

async fn trace(context: Context) -> Result<Response, Failure> {
    let question = context.document()?;
    let trace = (context.api.parts.trace)(question).await?;
    Ok(reply::json(StatusCode::OK, &trace))
}

async fn set_backend(context: Context) -> Result<Response, Failure> {
    let choice: BackendChoice = context.document()?;
    context.api.parts.objects.set_backend(choice.kind).await?;
    Ok(reply::json(StatusCode::OK, &choice))
}

async fn remove(context: Context) -> Result<Response, Failure> {
    let name = context.node()?;
    let view = Arc::clone(&context.api.parts.situation.borrow().view);
    context.api.parts.objects.remove_node(&view, &name).await?;
    Ok(one(Outcome {
        kind: Some(Kind::Node),
        namespace: None,
        name: name.to_string(),
        result: OutcomeResult::Deleted,
        warnings: Vec::new(),
        document: None,
    }))
}

async fn cordon(context: Context) -> Result<Response, Failure> {
    let name = context.node()?;
    let asked = match context.body.is_empty() {
        true => CordonRequest::default(),
        false => context.document()?,
    };
    let by = context.caller.named().await;
    context.api.parts.objects.cordon(&name, &by, asked.reason).await.map(one)
}

async fn uncordon(context: Context) -> Result<Response, Failure> {
    let name = context.node()?;
    context.api.parts.objects.uncordon(&name).await.map(one)
}

impl Context {
    fn node(&self) -> Result<NodeName, Failure> {
        self.name.as_deref().unwrap_or_default().parse().map_err(|error: NameError| {
            Failure::new(Code::Decode, error.to_string(), "").of_field("name")
        })
    }
}
