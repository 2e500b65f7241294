# The description of the service's interface is valid OpenAPI.
. "$SOURCE/tests/integration/lib.sh"

export PYTHONPATH="$SOURCE/.cache/openapi" PYTHONDONTWRITEBYTECODE=1
if ! python3 -c 'import openapi_spec_validator' 2>/dev/null; then
    echo "SKIP: no Python package openapi-spec-validator (scripts/setup ci)"
    exit 77
fi
check "the description is valid" exits 0 python3 -m openapi_spec_validator "$SOURCE/src/service/files/openapi.json"
echo '{"openapi": "3.1.0", "paths": {"x": 1}}' >broken.json
check "one that is not is refused" exits 1 python3 -m openapi_spec_validator broken.json
finish
