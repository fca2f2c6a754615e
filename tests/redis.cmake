# SPDX-License-Identifier: Apache-2.0
# The tests of component redis.
agentstore_add_conformance_program(redis_conformance conformance/stores/redis.cpp)
agentstore_use_redis(redis_conformance redis_conformance)

agentstore_add_test(redis_test backends/redis.cpp backends/redis_keys.cpp
                    backends/redis_slot_map.cpp backends/redis_uri.cpp)
agentstore_use_redis(redis_test redis_test)

# For tests that are no program of ours: with_redis COMMAND ARGUMENT...
add_executable(with_redis support/servers/with_redis.cpp)
target_include_directories(with_redis PRIVATE "${PROJECT_SOURCE_DIR}/tests")
agentstore_warnings(with_redis)
agentstore_use_redis(with_redis)
