/* The kernel of the GPU load, PTX. It works until the GPU's own clock says stop: x = x^2 - 1.9 in eight chains a thread, which is
 * chaotic, so that every bit of the operands flips at random (operands that settle draw far less), and, `loads` times in
 * eight such stretches of 256 operations, 16 bytes a thread from memory, in one pass after the other over more than the cache
 * holds. It looks at the clock once in 2048 operations a thread, every 10 us or so: the clock is slow to read. */
#ifndef SESSION_PLAYER_GPU_KERNEL_H
#define SESSION_PLAYER_GPU_KERNEL_H

static const char jm_gpu_kernel[] =
    ".version 6.0\n.target sm_52\n.address_size 64\n"
    ".visible .entry jm_spin(.param .u64 until, .param .u64 began, .param .u64 ended, .param .u64 memory, "
    ".param .u32 mask, .param .u32 loads)\n{\n"
    ".reg .pred %p<6>;\n.reg .f32 %f<16>;\n.reg .b32 %r<16>;\n.reg .b64 %rd<10>;\n"
    "ld.param.u64 %rd1, [until];\nld.param.u64 %rd2, [began];\nld.param.u64 %rd3, [ended];\n"
    "ld.param.u64 %rd4, [memory];\nld.param.u32 %r5, [mask];\nld.param.u32 %r6, [loads];\n"
    "mov.u64 %rd5, %globaltimer;\n"
    "mov.u32 %r1, %tid.x;\nmov.u32 %r2, %ctaid.x;\nmov.u32 %r7, %nctaid.x;\nmov.u32 %r8, %ntid.x;\n"
    "or.b32 %r3, %r1, %r2;\nsetp.ne.u32 %p1, %r3, 0;\n"
    "@%p1 bra BEGIN;\nst.global.u64 [%rd2], %rd5;\n"
    "BEGIN:\n"
    /* Where this thread reads first, and how far all threads go in one step, in bytes. */
    "mad.lo.u32 %r9, %r2, %r8, %r1;\nshl.b32 %r9, %r9, 4;\nmul.lo.u32 %r10, %r7, %r8;\nshl.b32 %r10, %r10, 4;\n"
    /* 0.1 + thread / 10000, and 0.1 more for each chain; -1.9 */
    "cvt.rn.f32.u32 %f1, %r1;\nmov.f32 %f15, 0f3DCCCCCD;\nmov.f32 %f9, 0f38D1B717;\n"
    "fma.rn.f32 %f1, %f1, %f9, %f15;\nadd.f32 %f2, %f1, %f15;\nadd.f32 %f3, %f2, %f15;\nadd.f32 %f4, %f3, %f15;\n"
    "add.f32 %f5, %f4, %f15;\nadd.f32 %f6, %f5, %f15;\nadd.f32 %f7, %f6, %f15;\nadd.f32 %f8, %f7, %f15;\n"
    "mov.f32 %f9, 0fBFF33333;\nmov.f32 %f10, 0f00000000;\nmov.f32 %f11, %f10;\nmov.f32 %f12, %f10;\n"
    "mov.f32 %f13, %f10;\nmov.f32 %f14, %f10;\n"
    "setp.ge.u64 %p2, %rd5, %rd1;\n@%p2 bra DONE;\n"
    "OUTER:\nmov.u32 %r11, 8;\n"
    "STRETCH:\nsetp.gt.u32 %p2, %r11, %r6;\n@%p2 bra CALCULATE;\n"
    "and.b32 %r12, %r9, %r5;\ncvt.u64.u32 %rd6, %r12;\nadd.u64 %rd7, %rd4, %rd6;\n"
    "ld.global.cg.v4.f32 {%f10, %f11, %f12, %f13}, [%rd7];\nadd.u32 %r9, %r9, %r10;\n"
    "CALCULATE:\nmov.u32 %r4, 32;\n"
    "INNER:\n"
    "fma.rn.f32 %f1, %f1, %f1, %f9;\nfma.rn.f32 %f2, %f2, %f2, %f9;\nfma.rn.f32 %f3, %f3, %f3, %f9;\n"
    "fma.rn.f32 %f4, %f4, %f4, %f9;\nfma.rn.f32 %f5, %f5, %f5, %f9;\nfma.rn.f32 %f6, %f6, %f6, %f9;\n"
    "fma.rn.f32 %f7, %f7, %f7, %f9;\nfma.rn.f32 %f8, %f8, %f8, %f9;\n"
    "sub.u32 %r4, %r4, 1;\nsetp.ne.u32 %p2, %r4, 0;\n@%p2 bra INNER;\n"
    /* What was loaded is wanted only now: its delay is hidden. */
    "add.f32 %f14, %f14, %f10;\nadd.f32 %f14, %f14, %f11;\nadd.f32 %f14, %f14, %f12;\nadd.f32 %f14, %f14, %f13;\n"
    "sub.u32 %r11, %r11, 1;\nsetp.ne.u32 %p2, %r11, 0;\n@%p2 bra STRETCH;\n"
    "mov.u64 %rd8, %globaltimer;\nsetp.lt.u64 %p2, %rd8, %rd1;\n@%p2 bra OUTER;\n"
    "add.f32 %f1, %f1, %f2;\nadd.f32 %f3, %f3, %f4;\nadd.f32 %f5, %f5, %f6;\nadd.f32 %f7, %f7, %f8;\n"
    "add.f32 %f1, %f1, %f3;\nadd.f32 %f5, %f5, %f7;\nadd.f32 %f1, %f1, %f5;\nadd.f32 %f1, %f1, %f14;\n"
    /* Never so; it keeps the work from being left away. */
    "setp.eq.f32 %p3, %f1, 0fC9742400;\n@%p3 st.global.f32 [%rd3], %f1;\n"
    "DONE:\n@%p1 bra END;\nmov.u64 %rd9, %globaltimer;\nst.global.u64 [%rd3], %rd9;\n"
    "END:\nret;\n}\n";

#endif
