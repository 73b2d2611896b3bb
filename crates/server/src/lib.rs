//! HTTP, SSE and the runners' hub.
