# Sourced by the scripts beside it, in the project's folder: are keys of the vendor set, in the environment or in .env?
has_keys() {
    env | grep -qE '^(POLYGON|MASSIVE)_(API_KEY|S3_ACCESS_KEY(_ID)?)=.' ||
        grep -qsE '^ *(export +)?(POLYGON|MASSIVE)_(API_KEY|S3_ACCESS_KEY(_ID)?) *= *[^ #]' .env
}
