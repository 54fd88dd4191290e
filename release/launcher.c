/* Unpack what follows this program, once, and run it: the front part of the one-file `sqlagent`.
 *
 * PyInstaller's own one-file mode unpacks everything at every start, and again for the sandbox's process. Here each file
 * is unpacked where it is missing or has another size, so the second start costs one look at each (and a cache that
 * somebody has tidied up mends itself). A file appears by rename: it is whole, whoever else unpacks at that moment.
 *
 *   this program | index | packed files | trailer
 *   index:   per file  u32 mode, u64 size, u64 packed size, u16 length of the path, the path
 *   trailer: u64 offset of the index, u64 its length, 16 characters that name the folder, "SQLAGENT"
 *
 * Numbers are little-endian, as the machines are that this is built for; release/pack.py writes the format.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

struct trailer { uint64_t index, length; char name[16], magic[8]; };

static char root[3072];

static void fail(const char *what, const char *path) {
    fprintf(stderr, "sqlagent: %s %s (%s). Set SQLAGENT_HOME to a folder of yours with 250 MB free.\n",
            what, path, strerror(errno));
    exit(3);
}

static void damaged(void) {
    fprintf(stderr, "sqlagent: this file is damaged or was cut short: copy it again.\n");
    exit(3);
}

/* Make the folders of a path, readable by its owner alone. */
static void folders(const char *path) {
    char part[4096];
    snprintf(part, sizeof part, "%s", path);
    for (char *at = part + 1; *at; at++)
        if (*at == '/') {
            *at = 0;
            if (mkdir(part, 0700) && errno != EEXIST) fail("cannot make the folder", part);
            *at = '/';
        }
}

static const char *home(void) {
    const char *told = getenv("HOME");
    if (told && *told) return told;
    FILE *users = fopen("/etc/passwd", "r");
    struct passwd *user;
    while (users && (user = fgetpwent(users)))
        if (user->pw_uid == getuid()) return user->pw_dir;
    return "";
}

static void choose_root(const char *name) {
    const char *own = getenv("SQLAGENT_HOME"), *cache = getenv("XDG_CACHE_HOME");
    int made;
    if (own && *own) made = snprintf(root, sizeof root, "%s/program/%.16s", own, name);
    else if (cache && *cache == '/') made = snprintf(root, sizeof root, "%s/sqlagent/program/%.16s", cache, name);
    else made = snprintf(root, sizeof root, "%s/.cache/sqlagent/program/%.16s", home(), name);
    if (made < 0 || (size_t)made >= sizeof root) { errno = ENAMETOOLONG; fail("cannot unpack into", "that folder"); }
    char whole[3072];
    if (root[0] != '/') {  /* a relative SQLAGENT_HOME */
        char here[2048];
        if (!getcwd(here, sizeof here)) fail("cannot unpack into", root);
        made = snprintf(whole, sizeof whole, "%s/%s", here, root);
        if (made < 0 || (size_t)made >= sizeof whole) { errno = ENAMETOOLONG; fail("cannot unpack into", root); }
        memcpy(root, whole, sizeof root);
    }
}

/* Inflate `packed` bytes of `from` into the file `to`, which has `size` bytes then. */
static void unpack(FILE *from, uint64_t packed, uint64_t size, const char *to, mode_t mode) {
    static unsigned char in[1 << 16], out[1 << 18];
    z_stream state = {0};
    int file = open(to, O_WRONLY | O_CREAT | O_EXCL, mode & 0700), status = Z_OK;
    uint64_t written = 0;
    if (file < 0) fail("cannot write", to);
    if (inflateInit(&state) != Z_OK) damaged();
    while (packed && status == Z_OK) {
        size_t wanted = packed < sizeof in ? packed : sizeof in;
        if (fread(in, 1, wanted, from) != wanted) damaged();
        packed -= wanted;
        state.next_in = in;
        state.avail_in = wanted;
        do {
            state.next_out = out;
            state.avail_out = sizeof out;
            status = inflate(&state, Z_NO_FLUSH);
            if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) damaged();
            size_t ready = sizeof out - state.avail_out, done = 0;
            while (done < ready) {
                ssize_t some = write(file, out + done, ready - done);
                if (some < 0) { int why = errno; unlink(to); errno = why; fail("cannot write", to); }
                done += some;
            }
            written += ready;
        } while (state.avail_out == 0);
        if (status == Z_BUF_ERROR) status = Z_OK;
    }
    inflateEnd(&state);
    if (written != size || close(file)) damaged();
}

static void processor(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) return;
    fprintf(stderr, "sqlagent: this file needs a processor with AVX2 and FMA (most since 2013); `pip install` builds "
                    "sqlagent for the one that is here.\n");
    exit(3);
#endif
}

int main(int argc, char **argv) {
    struct trailer end;
    FILE *self = fopen("/proc/self/exe", "rb");
    (void)argc;
    processor();
    if (!self || fseek(self, -(long)sizeof end, SEEK_END) || fread(&end, sizeof end, 1, self) != 1) damaged();
    if (memcmp(end.magic, "SQLAGENT", 8)) damaged();
    choose_root(end.name);
    char *index = malloc(end.length);
    if (!index || fseek(self, (long)end.index, SEEK_SET) || fread(index, 1, end.length, self) != end.length) damaged();
    uint64_t at = end.index + end.length;
    for (char *entry = index; entry < index + end.length;) {
        uint32_t mode;
        uint64_t size, packed;
        uint16_t length;
        char path[4096], partial[4160];
        struct stat found;
        memcpy(&mode, entry, 4);
        memcpy(&size, entry + 4, 8);
        memcpy(&packed, entry + 12, 8);
        memcpy(&length, entry + 20, 2);
        snprintf(path, sizeof path, "%s/%.*s", root, (int)length, entry + 22);
        entry += 22 + length;
        if (lstat(path, &found) || !S_ISREG(found.st_mode) || (uint64_t)found.st_size != size) {
            folders(path);
            snprintf(partial, sizeof partial, "%s.%ld", path, (long)getpid());
            unlink(partial);
            if (fseek(self, (long)at, SEEK_SET)) damaged();
            unpack(self, packed, size, partial, mode);
            if (rename(partial, path)) fail("cannot write", path);
        }
        at += packed;
    }
    fclose(self);
    char program[4096];
    snprintf(program, sizeof program, "%s/sqlagent", root);
    execv(program, argv);
    fail("cannot run", program);
}
