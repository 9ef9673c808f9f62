/* Limits of control groups, from folders that look like the kernel's. */
#include "core/base/cgroup.h"
#include "core/base/machine.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct tree {
    struct scratch scratch;
    const char *mount;
};

static void
open_tree(struct tree *tree)
{
    scratch_open(&tree->scratch);
    tree->mount = scratch_folder(&tree->scratch, "cgroup");
}

static struct cgroup_limits
read_tree(struct tree *tree, const char *membership)
{
    struct cgroup_limits limits;
    cgroup_read(tree->mount, scratch_write_text(&tree->scratch, "membership", membership), &limits);
    return limits;
}

static void
without_limits_there_are_none(void **state)
{
    struct tree tree;
    struct cgroup_limits limits;
    (void)state;
    open_tree(&tree);
    limits = read_tree(&tree, "0::/a/b\n");
    assert_true(limits.processors <= 0);
    assert_int_equal(limits.memory_bytes, -1);
    assert_int_equal(limits.memory_left_bytes, -1);
    cgroup_read(tree.mount, scratch_path(&tree.scratch, "nothing"), &limits);
    assert_int_equal(limits.memory_bytes, -1);
    scratch_write_text(&tree.scratch, "cgroup/cpu.max", "max 100000\n");
    scratch_write_text(&tree.scratch, "cgroup/memory.max", "max\n");
    limits = read_tree(&tree, "0::/\n");
    assert_true(limits.processors <= 0);
    assert_int_equal(limits.memory_bytes, -1);
    scratch_close(&tree.scratch);
}

static void
tightest_of_all_levels_counts(void **state)
{
    struct tree tree;
    (void)state;
    open_tree(&tree);
    scratch_folder(&tree.scratch, "cgroup/a");
    scratch_folder(&tree.scratch, "cgroup/a/b");
    scratch_write_text(&tree.scratch, "cgroup/a/cpu.max", "150000 100000\n");
    scratch_write_text(&tree.scratch, "cgroup/a/b/cpu.max", "400000 100000\n");
    scratch_write_text(&tree.scratch, "cgroup/a/memory.max", "2000\n");
    scratch_write_text(&tree.scratch, "cgroup/a/memory.current", "1900\n");
    scratch_write_text(&tree.scratch, "cgroup/a/memory.stat",
                       "anon 900\nfile 1000\ninactive_file 600\nactive_file 400\n");
    scratch_write_text(&tree.scratch, "cgroup/a/b/memory.max", "1500\n");
    scratch_write_text(&tree.scratch, "cgroup/a/b/memory.current", "100\n");
    struct cgroup_limits limits = read_tree(&tree, "0::/a/b\n");
    assert_true(limits.processors > 1.49 && limits.processors < 1.51);
    assert_int_equal(limits.memory_bytes, 1500);
    assert_int_equal(limits.memory_left_bytes, 1100); /* of a: its cache can be dropped */
    scratch_close(&tree.scratch);
}

/* In a container the path is often the host's, and only the mount is there. */
static void
first_version_is_understood(void **state)
{
    struct tree tree;
    (void)state;
    open_tree(&tree);
    scratch_folder(&tree.scratch, "cgroup/cpu");
    scratch_folder(&tree.scratch, "cgroup/memory");
    scratch_write_text(&tree.scratch, "cgroup/cpu/cpu.cfs_quota_us", "50000\n");
    scratch_write_text(&tree.scratch, "cgroup/cpu/cpu.cfs_period_us", "100000\n");
    scratch_write_text(&tree.scratch, "cgroup/memory/memory.limit_in_bytes", "5000\n");
    scratch_write_text(&tree.scratch, "cgroup/memory/memory.usage_in_bytes", "6000\n");
    scratch_write_text(&tree.scratch, "cgroup/memory/memory.stat", "total_inactive_file 2000\n");
    struct cgroup_limits limits =
        read_tree(&tree, "5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n1:name=systemd:/x\n");
    assert_true(limits.processors > 0.49 && limits.processors < 0.51);
    assert_int_equal(limits.memory_bytes, 5000);
    assert_int_equal(limits.memory_left_bytes, 1000);
    scratch_write_text(&tree.scratch, "cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    scratch_write_text(&tree.scratch, "cgroup/memory/memory.limit_in_bytes",
                       "9223372036854771712\n");
    limits = read_tree(&tree, "5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n");
    assert_true(limits.processors <= 0);
    assert_int_equal(limits.memory_bytes, -1);
    scratch_close(&tree.scratch);
}

static void
nonsense_is_no_limit(void **state)
{
    struct tree tree;
    (void)state;
    open_tree(&tree);
    scratch_write_text(&tree.scratch, "cgroup/cpu.max", "-5 0\n");
    scratch_write_text(&tree.scratch, "cgroup/memory.max", "lots\n");
    struct cgroup_limits limits = read_tree(&tree, "\n::\n0:\nx\n0::/\n0::nowhere\n");
    assert_true(limits.processors <= 0);
    assert_int_equal(limits.memory_bytes, -1);
    scratch_close(&tree.scratch);
}

static void
machine_has_memory_and_disk(void **state)
{
    struct err err;
    struct machine_disk disk;
    struct machine_memory memory = machine_memory();
    (void)state;
    assert_true(memory.total_bytes > 0);
    assert_true(memory.free_bytes > 0 && memory.free_bytes <= memory.total_bytes);
    assert_true(memory.own_bytes > 0);
    assert_int_equal(machine_disk("/tmp", &disk, &err), 0);
    assert_true(disk.total_bytes > 0 && disk.free_bytes <= disk.total_bytes);
    assert_int_not_equal(machine_disk("/nowhere/at/all", &disk, &err), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_limits_there_are_none),
        cmocka_unit_test(tightest_of_all_levels_counts),
        cmocka_unit_test(first_version_is_understood),
        cmocka_unit_test(nonsense_is_no_limit),
        cmocka_unit_test(machine_has_memory_and_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
