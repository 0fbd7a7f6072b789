/* Architectural features, as configuration knows them: names as in FEAT_NAME of the manual, A2. */
#ifndef TARGET_ARM_FEATURES_H
#define TARGET_ARM_FEATURES_H

enum arm_feature {
#define ARM_FEATURE(id, name, help) ARM_F_##id,
#include "target/arm/features.def"
#undef ARM_FEATURE
    ARM_FEATURES
};

#endif
