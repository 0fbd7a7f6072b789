/*
 * -icount: virtual time is the number of instructions that were executed, shifted left.
 *
 * Units have one instruction each, and take one from a grant before it; with none left they leave.
 * The executor grants what there is until the next timer's deadline. Timers fire in the main loop,
 * for which the vCPU waits, so that the guest sees them at the same instruction in every run.
 */
#include "accel/tcg/tcg_priv.h"
#include "core/clock.h"

enum { MAX_GRANT = 1 << 20 };

static ns_t now_locked(const struct counting *c)
{
    const struct tcg_env *env = tcg_env(c->cpu);
    int64_t left = __atomic_load_n(&env->grant, __ATOMIC_RELAXED);
    ns_t idle = c->idle_since ? monotonic_ns() - c->idle_since : 0;
    return c->skipped + idle + ((c->granted - left) << c->shift);
}

static ns_t count_now(void *opaque)
{
    struct counting *c = opaque;
    mutex_lock(&c->lock);
    ns_t now = now_locked(c);
    mutex_unlock(&c->lock);
    return now;
}

/* The first deadline is another, or timers have been fired: look anew before anything is run.
 * Called with the clock's lock held. */
static void on_timers_changed(void *opaque)
{
    struct counting *c = opaque;
    struct tcg_env *env = tcg_env(c->cpu);
    if (cpu_current() != c->cpu) {
        cpu_request(c->cpu, CPU_REQ_ACCEL);
        return;
    }
    mutex_lock(&c->lock);
    c->granted -= env->grant;
    env->grant = 0;
    mutex_unlock(&c->lock);
}

bool count_init(struct tcg_vcpu *v, struct error **errp)
{
    struct counting *c = &v->tcg->counting;
    if (!c->wanted)
        return true;
    if (c->cpu) {
        error_set(errp, "-icount: instructions are counted for one processor only; use -smp 1");
        return false;
    }
    c->cpu = v->cpu;
    mutex_init(&c->lock);
    clock_set_counter(count_now, on_timers_changed, c);
    return true;
}

void count_fini(struct tcg *t)
{
    if (!t->counting.cpu)
        return;
    clock_set_counter(NULL, NULL, NULL);
    mutex_fini(&t->counting.lock);
    t->counting.cpu = NULL;
}

unsigned count_begin_unit(struct ir *ir)
{
    unsigned none_left = ir_block_new(ir);
    ir_val left = ir_env_ld(ir, I32, MO_32, TCG_ENV_OFF(grant));
    left = ir_sub(ir, left, ir_const(ir, I32, 1));
    ir_br_if(ir, left, ir_const(ir, I32, 0), IR_LT, none_left);
    ir_env_st(ir, left, MO_32, TCG_ENV_OFF(grant));
    return none_left;
}

void count_end_unit(const struct tcg_vcpu *v, struct ir *ir, unsigned none_left, gva pc)
{
    ir_block_begin(ir, none_left);
    ir_set(ir, v->ops->pc_slot, ir_pc(ir, pc));
    ir_exit_main(ir, COUNT_EXHAUSTED);
}

bool count_grant(struct tcg_vcpu *v)
{
    struct counting *c = &v->tcg->counting;
    struct tcg_env *env = tcg_env(v->cpu);
    if (env->grant > 0)
        return true;
    ns_t until = timer_next(), now = clock_now();
    if (until <= now) {
        clock_fire_at(0);
        return false;
    }
    int64_t step = INT64_C(1) << c->shift, n = (until - now - 1) / step + 1;
    mutex_lock(&c->lock);
    env->grant = (int32_t)MIN(n, MAX_GRANT);
    c->granted += env->grant;
    mutex_unlock(&c->lock);
    return true;
}

/* Nothing runs: time goes on by the host's clock, or jumps to the next timer. */
void count_sleep(struct tcg_vcpu *v)
{
    struct counting *c = &v->tcg->counting;
    ns_t until = timer_next(), now = clock_now();
    int64_t began = c->sleeps ? monotonic_ns() : 0;
    mutex_lock(&c->lock);
    if (!c->sleeps && until != INT64_MAX && until > now)
        c->skipped += until - now;
    c->idle_since = began;
    mutex_unlock(&c->lock);
    if (until != INT64_MAX)
        clock_fire_at(c->sleeps && until > now ? began + (until - now) : 0);
    cpu_sleep(v->cpu);
    mutex_lock(&c->lock);
    c->skipped += began ? monotonic_ns() - began : 0;
    c->idle_since = 0;
    mutex_unlock(&c->lock);
}

void tcg_count_instructions(void *props, unsigned shift, bool sleeps)
{
    struct tcg *t = props;
    t->counting.wanted = true;
    t->counting.shift = shift;
    t->counting.sleeps = sleeps;
    t->one_insn = true;
}
