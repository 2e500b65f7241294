# joulemap data beside DVC itself: the same files to the byte, and each takes up what the other one left.
. "$SOURCE/tests/integration/lib.sh"
. "$SOURCE/tests/integration/data_lib.sh"

check "data has help" exits 0 "$JM" data --help
check "data wants a verb" exits 2 "$JM" data
check "an unknown verb is refused" exits 2 "$JM" data frobnicate
check "outside of a repository it says so" exits 1 "$JM" data status
check "and what to do" says err 'joulemap data init'

# ---- Alone: add, status, checkout, a folder as remote.
repository ours && cd ours || exit 1
check "init twice is refused" exits 1 "$JM" data init
tree raw_data
printf 'model' >model.bin
check "add" exits 0 "$JM" data add raw_data model.bin
check "add says what git is to keep" says out 'git add raw_data.dvc .gitignore'
check ".gitignore has both" test "$(cat .gitignore)" = "/raw_data
/model.bin"
check "cached objects are read-only" test -z "$(find .dvc/cache -type f ! -perm 0444)"
check "status is clean" exits 0 "$JM" data status --quiet
check "adding again changes nothing" exits 0 "$JM" data add raw_data
check "and finds all in the cache" says out 'new in the cache: 0'
check "what lies in versioned data is not added" exits 1 "$JM" data add raw_data/one
check "the reason names the folder" says err 'lies in raw_data'
check "what is missing is not added" exits 1 "$JM" data add nowhere
check "a path outside is refused" exits 1 "$JM" data add ../script
ln -s raw_data/link loose
check "a link is not added" exits 1 "$JM" data add loose
mkdir weird && touch "weird/$(printf '\377')"
check "a name that is no UTF-8 is refused" exits 1 "$JM" data add weird
check "by name" says err 'UTF-8'
rm -r weird loose
check "status says so" exits 0 "$JM" data status
check "in words" says out '^everything is as the .dvc files say (2 of them)$'
printf '1' >single && check "add of one file" exits 0 "$JM" data add single
check "counts one" says out '^1 file, '
rm single single.dvc && sed -i '/single/d' .gitignore
check "a remote is made" exits 0 "$JM" data remote add -d store ../store
check "it is listed" exits 0 "$JM" data remote list
check "with its url" says out '^store	.*/store	(default)$'
check "a second of that name is refused" exits 1 "$JM" data remote add store /elsewhere
for key in url endpointurl URL; do
    check "modify takes no password in a URL that is committed ($key)" exits 1 "$JM" data remote modify store $key https://bob:s3cret@x.y/z
    check "it says so ($key)" says err 'would be committed'
done
check "nothing of it is there" test -z "$(grep -r s3cret .dvc "$WORK/err")"
check "in config.local it may be" exits 0 "$JM" data remote add --local own https://bob:s3cret@x.y/z@1
check "where it is" grep -q 'bob:s3cret@x.y' .dvc/config.local
check "list" exits 0 "$JM" data remote list
check "does not show it" says out '^own	https://\*\*\*@x.y/z@1$'
check "a remote with settings" exits 0 "$JM" data remote add hub https://x.y/old
exits 0 "$JM" data remote modify hub auth basic
exits 0 "$JM" data remote modify --local hub user me
check "is replaced" exits 0 "$JM" data remote add --force hub https://x.y/new
check "what config.local keeps of it is said" says out "^settings of 'hub' in .dvc/config.local are kept: joulemap data remote remove hub"
check "its old settings are gone" test -z "$(grep -e basic -e old .dvc/config)" -a -n "$(grep x.y/new .dvc/config)"
check "remove takes away both" exits 0 "$JM" data remote remove hub
check "from both files" test -z "$(grep -h hub .dvc/config .dvc/config.local)"
check "replacing what has nothing there" exits 0 "$JM" data remote add --force store ../store
check "says nothing of it" test ! -s "$WORK/out"
exits 0 "$JM" data remote remove own
check "push" exits 0 "$JM" data push
check "push says how much" says out '^8 of 8 objects moved'
check "push again moves nothing" exits 0 "$JM" data push
check "which is said" says out '^0 of '
cd ..

# ---- A cache on another file system.
if [ -w /dev/shm ] && [ "$(stat -c %d /dev/shm)" != "$(stat -c %d .)" ] && far=$(mktemp -d /dev/shm/joulemap-test.XXXXXX); then
    repository far && cd far || exit 1
    printf "[cache]\n    dir = $far\n" >.dvc/config
    head -c 3000001 /dev/urandom >large
    check "add into a cache on another file system" exits 0 "$JM" data add large
    check "has all bytes" cmp large "$(find "$far/files" -type f)"
    cp large ../large_as_it_was && rm large
    check "checkout from there" exits 0 "$JM" data checkout
    check "gives them back" cmp large ../large_as_it_was
    cd .. && rm -rf "$far"
else
    echo "SKIP: /dev/shm is no other file system: a cache there was not tested"
fi

clone_of ours copy && cd copy || exit 1
check "status sees what is missing" exits 0 "$JM" data status
check "by name" says out '^deleted *raw_data'
check "pull" exits 0 "$JM" data pull
rm -r ../ours/raw_data/empty ../ours/raw_data/link && cp ../ours/raw_data/run.sh ../ours/raw_data/link
check "pull gives the same data" same ../ours/raw_data raw_data
check "status is clean after it" exits 0 "$JM" data status -q

# ---- Nothing is lost.
printf 'changed' >raw_data/one
printf 'new' >raw_data/fresh
check "status counts" exits 0 "$JM" data status
check "new and changed files" says out 'modified *raw_data (1 new, 1 changed, 0 deleted)'
check "quiet status answers with its exit code" exits 1 "$JM" data status -q
check "checkout refuses to lose changes" exits 1 "$JM" data checkout
check "it names one" says err 'raw_data/fresh'
check "and says how to keep or lose them" says err 'joulemap data add raw_data.*--force'
check "pull refuses, too" exits 1 "$JM" data pull
check "the changes are there" test "$(cat raw_data/one raw_data/fresh)" = changednew
check "with --force they go" exits 0 "$JM" data checkout --force
check "all is as it was" same ../ours/raw_data raw_data
printf 'same' >raw_data/moved && rm raw_data/two
check "what is in the cache may go" exits 0 "$JM" data checkout
check "and comes back" same ../ours/raw_data raw_data

object=.dvc/cache/files/md5/$(printf same | md5sum | sed 's/^\(..\)\(.*\) .*/\1\/\2/;s/ //g')
chmod +w "$object" && printf 'SAME' >"$object" && rm raw_data/one
check "a damaged object is not checked out" exits 1 "$JM" data checkout
check "it is named" says err 'object 51037a4a37730f52c8732586d3aaa316 .* damaged'
check "pull brings it back" exits 0 "$JM" data pull
check "whole" test "$(cat raw_data/one)" = same
object=../store/files/md5/51/037a4a37730f52c8732586d3aaa316
chmod +w "$object" && printf 'lie!' >"$object" && rm -r .dvc/cache raw_data
check "an object that the remote has wrong is refused" exits 1 "$JM" data pull
check "by name" says err '51037a4a37730f52c8732586d3aaa316'
check "nothing of it is in the cache" test ! -e .dvc/cache/files/md5/51/037a4a37730f52c8732586d3aaa316
printf 'same' >"$object"
check "with the object whole it goes on" exits 0 "$JM" data pull
rm -r .dvc/cache raw_data && mv ../store/files/md5/51 ../store/gone
check "an object that the remote lacks is said" exits 1 "$JM" data pull
check "by name" says err '51037a4a37730f52c8732586d3aaa316 .* not on the remote'
mv ../store/gone ../store/files/md5/51
mkdir elsewhere raw_data && ln -s ../elsewhere raw_data/deep
check "pull does not write through a link" exits 1 "$JM" data pull
check "which it names" says err 'raw_data/deep is a link'
check "the folder behind it is empty" test -z "$(ls elsewhere)"
rm -r raw_data elsewhere
cd ..

# ---- Files of others are not trusted.
repository hostile && cd hostile || exit 1
escape() { # escape RELPATH: a .dvc file whose listing has such a path
    listing="[{\"md5\": \"51037a4a37730f52c8732586d3aaa316\", \"relpath\": \"$1\"}]"
    hash=$(printf '%s' "$listing" | md5sum | cut -d' ' -f1)
    mkdir -p ".dvc/cache/files/md5/${hash:0:2}" .dvc/cache/files/md5/51
    printf '%s' "$listing" >".dvc/cache/files/md5/${hash:0:2}/${hash:2}.dir"
    printf 'same' >.dvc/cache/files/md5/51/037a4a37730f52c8732586d3aaa316
    printf 'outs:\n- md5: %s.dir\n  hash: md5\n  path: out\n' "$hash" >out.dvc
}
for path in ../evil /tmp/evil a/../../evil .git/hooks/post-checkout; do
    escape "$path"
    check "a listing with $path is refused" exits 1 "$JM" data checkout
    check "it says so" says err 'could lead out of the folder'
done
check "nothing was written" test ! -e evil -a ! -e ../evil -a ! -e out
for path in ../evil a/../../evil .git/config .dvc/config; do
    printf 'outs:\n- md5: 51037a4a37730f52c8732586d3aaa316\n  hash: md5\n  path: %s\n' "$path" >out.dvc
    check "a .dvc file for $path is refused" exits 1 "$JM" data checkout
done
rm out.dvc
cd ..

# ---- DVC 2: no "hash" in the .dvc file, text hashed without its carriage returns, objects under XX/REST.
repository old && cd old || exit 1
legacy=$(printf 'a\nb\n' | md5sum | cut -d' ' -f1)
mkdir -p ".dvc/cache/${legacy:0:2}"
printf 'a\r\nb\r\n' >".dvc/cache/${legacy:0:2}/${legacy:2}"
printf 'outs:\n- md5: %s\n  size: 6\n  path: text # kept\n' "$legacy" >text.dvc
check "DVC 2's files are checked out" exits 0 "$JM" data checkout
check "with the bytes that they have" test "$(od -An -c text | tr -d ' ')" = 'a\r\nb\r\n'
check "and found clean" exits 0 "$JM" data status -q
exits 0 "$JM" data remote add -d store ../store_old
check "they are pushed where DVC 2 has them" exits 0 "$JM" data push
check "under their hash" test -f "../store_old/${legacy:0:2}/${legacy:2}"
! have_dvc || check "dvc finds them clean" dvc status -q
rm -r .dvc/cache text
check "and pulled" exits 0 "$JM" data pull
check "adding them again writes DVC 3's" exits 0 "$JM" data add text
check "with the hash of all bytes, and the comment" test "$(cat text.dvc)" = "outs:
- md5: $(md5sum <text | cut -d' ' -f1)
  size: 6
  path: text # kept
  hash: md5"
! have_dvc || check "dvc finds that clean, too" dvc status -q
cd ..

# ---- Links instead of copies.
for kind in hardlink symlink; do
    repository $kind && cd $kind || exit 1
    printf '[cache]\n    type = %s\n' $kind >.dvc/config
    tree raw_data && rm raw_data/link
    check "add ($kind)" exits 0 "$JM" data add raw_data
    if [ $kind = hardlink ]; then
        check "the data is linked to the cache" test "$(stat -c %h raw_data/large)" = 2
    else
        check "the data is a link into the cache" test -L raw_data/large
    fi
    check "status is clean ($kind)" exits 0 "$JM" data status -q
    rm -r raw_data
    check "checkout ($kind)" exits 0 "$JM" data checkout
    check "is clean ($kind)" exits 0 "$JM" data status -q
    check "adding again changes nothing ($kind)" exits 0 "$JM" data add raw_data
    ! have_dvc || check "dvc finds it clean ($kind)" dvc status -q
    cd ..
done

if ! have_dvc; then
    finish_early=$n_failed
    echo "SKIP: dvc is not installed (scripts/setup test): joulemap data was tested alone"
    [ "$finish_early" -eq 0 ] && exit 77
    finish
fi

# ---- Beside DVC.
repository theirs && cd theirs || exit 1
tree raw_data
printf '*.tmp\n/raw_data/deep/no/\n!keep.tmp\n' >>.dvcignore
mkdir raw_data/deep/no && touch raw_data/deep/no/x raw_data/a.tmp raw_data/deep/keep.tmp
printf 'model' >model.bin
for name in '#weird' 'with: colon' 123 true 'it'"'"'s' 'star[x]!' 'tab	x' 'ünï' ' lead'; do printf y >"$name"; done
cp -a ../theirs ../mirror
check "dvc adds" dvc add -q raw_data model.bin '#weird' 'with: colon' 123 true "it's" 'star[x]!' 'tab	x' 'ünï' ' lead'
cd ../mirror || exit 1
check "joulemap adds the same" exits 0 "$JM" data add raw_data model.bin '#weird' 'with: colon' 123 true \
    "it's" 'star[x]!' 'tab	x' 'ünï' ' lead'
check "dvc finds joulemap's data clean" dvc status -q
cd ../theirs || exit 1
check "the same .dvc files, cache and .gitignore to the byte" \
    diff -r --exclude=.git --exclude=tmp --exclude=.joulemap . ../mirror
modes() { find . -path ./.git -prune -o -name link -o -path ./.dvc/tmp -prune -o -name .joulemap -prune -o -printf '%p %m\n' | sort; }
modes >../modes && (cd ../mirror && modes >../mirror_modes)
check "with the same modes" diff ../modes ../mirror_modes
check "joulemap finds dvc's data clean" exits 0 "$JM" data status -q
dvc remote add -q -d store ../store2
check "dvc pushes" dvc push -q
check "joulemap has nothing to push" exits 0 "$JM" data push
check "it says so" says out '^0 of'
cd ..
clone_of theirs pulled && cd pulled || exit 1
check "joulemap pulls what dvc pushed" exits 0 "$JM" data pull
check "dvc finds it clean" dvc status -q
check "and the remote as well" dvc status -q -c
cd ..
clone_of ours pulled2 && cd pulled2 || exit 1
check "dvc pulls what joulemap pushed" dvc pull -q
check "dvc finds it clean" dvc status -q
check "the data is the same" same ../ours/raw_data raw_data
cd ..

finish
