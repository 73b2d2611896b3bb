//! Whether the processor may carry out a guest's instructions: only where that was seen to work.
//!
//! `/dev/kvm` that opens proves nothing: in nested machines guests are known that never print a
//! byte. So the verdict would come from a machine that boots; it is kept per boot of the host.

use super::hypervisor::Acceleration;
use super::kernel::Kernel;
use crate::spec::Init;

/// What to boot with. The hypervisor's sandbox does not hold `/dev/kvm` yet, so that no machine
/// could come up with it, and the answer is always that instructions are translated.
pub(crate) async fn verdict(_init: &Init, _kernel: &Kernel) -> Acceleration {
    Acceleration::Tcg
}
