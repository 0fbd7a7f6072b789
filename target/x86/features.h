/* Features as CPUID tells them and as -cpu names them. */
#ifndef TARGET_X86_FEATURES_H
#define TARGET_X86_FEATURES_H

enum x86_feature {
#define X86_FEATURE(id, name, leaf, subleaf, reg, bit, help) X86_F_##id,
#include "target/x86/features.def"
#undef X86_FEATURE
    X86_FEATURES
};
enum { X86_FEATURE_WORDS = (X86_FEATURES + 63) / 64 };

#endif
