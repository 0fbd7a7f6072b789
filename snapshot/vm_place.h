/* A machine's state in the mapped layout inside a disk image. */
#ifndef SNAPSHOT_VM_PLACE_H
#define SNAPSHOT_VM_PLACE_H

#include "block/block.h"
#include "snapshot/mapped.h"

/* Units that hold nothing are left out; the others are gathered into larger transfers. */
struct vm_place {
    struct mapped_place place;
    struct machine *m;
    struct block_node *b;
    uint64_t size;   /* reading: bytes there are */
    uint64_t window; /* writing: where buf belongs */
    uint64_t end;    /* behind the last unit that was written */
    uint32_t units;  /* of buf that hold something, a bit each */
    uint8_t *buf;
};
/* size: of the state to be read, 0 to write one. */
void vm_place_init(struct vm_place *v, struct machine *m, struct block_node *b, uint64_t size);
/* Write what is gathered. */
bool vm_place_flush(struct vm_place *v, struct error **errp) MUST_CHECK;
void vm_place_fini(struct vm_place *v);

#endif
