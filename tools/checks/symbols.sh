#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Fails if the module, $1, uses a symbol that newer kernels export to KVM only: it would
# not load there. Symbols in module/compat.h are allowed, as it replaces them on these
# kernels.

module=$1
kvm_only='
	asm_exc_nmi_kvm_vmx
	cr4_read_shadow
	fpu_alloc_guest_fpstate
	fpu_copy_guest_fpstate_to_uabi
	fpu_copy_uabi_to_guest_fpstate
	fpu_free_guest_fpstate
	fpu_swap_kvm_fpstate
	fpu_sync_guest_vmexit_xfd_state
	fpu_update_guest_xfd
	hw_breakpoint_restore
	switch_fpu_return
	x86_verw_sel
	x86_virt_spec_ctrl
	xstate_get_guest_group_perm
'

if [ ! -e "$module" ]; then
	echo "$module has not been built"
	exit 1
fi
used=$(nm -u "$module" | awk '{ print $NF }' |
	grep -Fxf <(tr -s '[:space:]' '\n' <<<"$kvm_only" | sed '/^$/d'))
status=0
for symbol in $used; do
	if ! grep -qw "$symbol" "$(dirname "$0")/../../module/compat.h"; then
		echo "$symbol: newer kernels keep it for KVM"
		status=1
	fi
done
exit $status
