# What every target is compiled with, and the two kinds of target this project is made of.

find_package(PkgConfig REQUIRED)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2)
pkg_check_modules(LDNS REQUIRED IMPORTED_TARGET ldns)
pkg_check_modules(QRENCODE REQUIRED IMPORTED_TARGET libqrencode)
find_package(OpenSSL 3 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Threads REQUIRED)

# Three fifths of the symbols that the dynamic loader has to find at the start are those of the C++
# library and of spdlog and fmt for it (LD_DEBUG=statistics): a tenth of the time until we are ready.
add_library(r64_spdlog INTERFACE)
target_link_libraries(r64_spdlog INTERFACE fmt::fmt-header-only)
target_compile_definitions(r64_spdlog INTERFACE SPDLOG_FMT_EXTERNAL)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT R64_SANITIZE)
  set(R64_STATIC_RUNTIME -static-libstdc++ -static-libgcc)
endif()

add_library(r64_options INTERFACE)
target_compile_options(r64_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
target_include_directories(r64_options INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
target_compile_definitions(r64_options INTERFACE R64_VERSION="${PROJECT_VERSION}"
                                                 R64_BUILD_TYPE="${CMAKE_BUILD_TYPE}")
if(R64_SANITIZE)
  target_compile_options(r64_options INTERFACE -fsanitize=${R64_SANITIZE} -fno-omit-frame-pointer
                                               -fno-sanitize-recover=all)
  target_link_options(r64_options INTERFACE -fsanitize=${R64_SANITIZE})
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 sees ghosts in libstdc++ once it optimizes: GCC bugs 105329, 105651 and their like.
  target_compile_options(r64_options INTERFACE -Wno-restrict -Wno-array-bounds
                                               -Wno-stringop-overflow -Wno-stringop-overread)
  if(R64_SANITIZE)
    target_compile_options(r64_options INTERFACE -Wno-maybe-uninitialized -Wno-tsan)
  endif()
endif()

# r64_library(base DEPS dns net): the folder src/base as a library, linked with those below it.
# The link lines are the architecture; tests/architecture holds the includes to it.
function(r64_library name)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cc)
  if(sources)
    add_library(r64_${name} STATIC ${sources})
    set(kind PUBLIC)
  else()
    add_library(r64_${name} INTERFACE)
    set(kind INTERFACE)
  endif()
  target_link_libraries(r64_${name} ${kind} r64_options ${ARG_LIBS})
  foreach(dep IN LISTS ARG_DEPS)
    target_link_libraries(r64_${name} ${kind} r64_${dep})
  endforeach()
endfunction()
